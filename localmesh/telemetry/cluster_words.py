"""Envoy's clusters in words: how endpoints are chosen, and what ends a client's patience with one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
UNLIMITED = 2**32 - 1

_BALANCERS = {"ROUND_ROBIN": "in turn", "RANDOM": "at random", "CLUSTER_PROVIDED": "at the address that was dialled"}
_HASHES = ("RING_HASH", "MAGLEV")
_LIMITS = {
    "max_connections": "connections",
    "max_pending_requests": "waiting requests",
    "max_requests": "requests at once",
    "max_retries": "retries at once",
}


def policies_in_words(cluster: Message, hashes: Sequence[Message]) -> Iterator[str]:
    """Yield what of a cluster is not as Istio has it by default; `hashes` are the hash policies of the route."""
    balancer = cluster.get("lb_policy", "ROUND_ROBIN")
    if balancer in _HASHES:
        yield f"endpoints are chosen by a hash of {' and '.join(map(_hash, hashes)) or 'nothing'} ({balancer})"
    elif balancer in _BALANCERS and cluster.get("type") != "STATIC":
        yield f"endpoints are chosen {_BALANCERS[balancer]}"
    for threshold in cluster.get("circuit_breakers", {}).get("thresholds", ()):
        yield from _limits(threshold)
    outliers = cluster.get("outlier_detection")
    if outliers is not None:
        yield _ejection(outliers)


def _limits(threshold: Message) -> Iterator[str]:
    limits = [
        f"{threshold[name]} {what}" for name, what in _LIMITS.items() if threshold.get(name, UNLIMITED) < UNLIMITED
    ]
    if limits:
        yield f"at most {', '.join(limits)}: more is answered 503 (UO)"
    if "retry_budget" in threshold:
        share = threshold["retry_budget"].get("budget_percent", {}).get("value", 0)
        yield f"retries: at most {share:g} % of the requests"


def _hash(policy: Message) -> str:
    if "header" in policy:
        return f"header {policy['header']['header_name']}"
    if "cookie" in policy:
        return f"cookie {policy['cookie']['name']}"
    if "query_parameter" in policy:
        return f"query {policy['query_parameter']['name']}"
    return "the client's address"


def _ejection(outliers: Message) -> str:
    fields = (("consecutive_5xx", "5xx"), ("consecutive_gateway_failure", "502, 503 or 504"))
    counts = [f"{outliers[name]} times {what} in a row" for name, what in fields if outliers.get(name)]
    time = outliers.get("base_ejection_time", "30s")
    return f"an endpoint is left out for {time} after {' or '.join(counts) or '5 times 5xx in a row'}"
