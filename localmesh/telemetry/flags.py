"""Envoy's response flags in words.

https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#config-access-log-format-response-flags
"""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "UH": "no healthy endpoint",
    "UF": "connection to the endpoint failed",
    "UO": "circuit breaker open",
    "NR": "no route matches",
    "NC": "the route's cluster does not exist",
    "URX": "all retries were used up",
    "UT": "timed out",
    "UC": "the endpoint closed the connection",
    "UR": "the endpoint reset the stream",
    "UPE": "the endpoint broke the protocol",
    "UMSDR": "the stream lasted too long",
    "LR": "reset by the proxy",
    "LH": "the proxy's own health check failed",
    "DC": "the caller went away",
    "DPE": "the caller broke the protocol",
    "DT": "the caller's connection lasted too long",
    "DR": "the caller reset the stream",
    "DI": "delayed by a fault of the mesh",
    "FI": "aborted by a fault of the mesh",
    "RL": "rate limited",
    "RLSE": "the rate limit service failed",
    "UAEX": "denied by external authorization",
    "RFCF": "the response came from a cache",
    "NFCF": "no filter configuration was found",
    "SI": "the stream was idle too long",
    "IH": "a header was invalid",
    "OM": "the proxy was overloaded",
    "DF": "the name could not be resolved",
    "DO": "dropped for overload",
}


def in_words(flags: str) -> str:
    """Return flags as `UH: no healthy endpoint`, several with commas between them; "" for none."""
    known = [flag for flag in flags.split(",") if flag not in ("", "-")]
    return ", ".join(f"{flag}: {WORDS[flag]}" if flag in WORDS else flag for flag in known)
