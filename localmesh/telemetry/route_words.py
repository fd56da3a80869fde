"""Envoy's routes in words: what a request has to be like, where it goes, and what is done to it on its way."""

from collections.abc import Iterator, Mapping
from typing import Any

DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
"""What Istio retries on unless told otherwise."""

_OF_A_HUNDRED = {"HUNDRED": 1, "TEN_THOUSAND": 100, "MILLION": 10_000}
"""Envoy's denominators of percentages."""

_REDIRECTS = {"FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}
"""Envoy's names of statuses; that of 301 it leaves out."""

Message = Mapping[str, Any]


def match_in_words(match: Message) -> str:
    """Return a RouteMatch in words."""
    conditions = []
    if match.get("prefix", "/") != "/":
        conditions.append(f"path {match['prefix']}…")
    if "path_separated_prefix" in match:
        conditions.append(f"path {match['path_separated_prefix']}/…")
    if "path" in match:
        conditions.append(f"path {match['path']}")
    if "safe_regex" in match:
        conditions.append(f"path like {match['safe_regex'].get('regex')}")
    conditions += [_header(header) for header in match.get("headers", ())]
    conditions += [f"query {parameter.get('name')}" for parameter in match.get("query_parameters", ())]
    return " and ".join(conditions) or "every request"


def _header(header: Message) -> str:
    name = {":method": "method", ":authority": "host", ":scheme": "scheme"}.get(header["name"], header["name"])
    no = "not " if header.get("invert_match") else ""
    for kind, text in header.get("string_match", {}).items():
        if kind != "ignore_case":
            value = text.get("regex") if isinstance(text, Mapping) else text
            return f"{name} {no}{'' if kind == 'exact' else kind.replace('safe_', '') + ' '}{value}"
    return f"{no}with {name}"


def action_in_words(route: Message) -> str:
    """Return where a route leads, in words."""
    if "redirect" in route:
        return _redirect(route["redirect"])
    if "direct_response" in route:
        return f"answers {route['direct_response'].get('status')} itself"
    action = route.get("route", {})
    shares = action.get("weighted_clusters", {}).get("clusters")
    if not shares:
        return cluster_in_words(action.get("cluster", ""))
    total = sum(share.get("weight", 0) for share in shares) or 1
    return ", ".join(
        f"{cluster_in_words(share['name'])} {share.get('weight', 0) * 100 / total:g} %" for share in shares
    )


def cluster_in_words(name: str) -> str:
    """Return `catalog v2` for `outbound|80|v2|catalog.istioinaction.svc.cluster.local`."""
    words = name.split("|")
    if len(words) != 4:  # noqa: PLR2004 -- istiod's form
        return name
    _, port, subset, host = words
    return " ".join(filter(None, (host.partition(".")[0], subset, "" if port == "80" else f"port {port}")))


def retries_in_words(policy: Message | None) -> str:
    """Return a RetryPolicy in words."""
    if not policy or not policy.get("num_retries", 1):
        return "none"
    number, conditions = policy.get("num_retries", 1), policy.get("retry_on", "")
    usual = number == 2 and conditions in (DEFAULT_CONDITIONS, DEFAULT_CONDITIONS.rpartition(",")[0])  # noqa: PLR2004
    if usual:
        return "2, on failed connections (Istio's default)"
    timeout = f", {policy['per_try_timeout']} each" if policy.get("per_try_timeout") else ""
    return f"{number}, on {conditions}{timeout}"


def _redirect(redirect: Message) -> str:
    parts = ("scheme_redirect", "host_redirect", "port_redirect", "path_redirect", "prefix_rewrite")
    to = " ".join(str(redirect[name]) for name in parts if redirect.get(name))
    status = _REDIRECTS.get(redirect.get("response_code", ""), 301)
    return f"redirects to {to} ({status})" if to else f"redirects ({status})"


def deeds_in_words(route: Message) -> Iterator[str]:
    """Yield what a route does to requests besides sending them on."""
    action = route.get("route", {})
    filters = route.get("typed_per_filter_config", {})
    yield from _fault(filters.get("envoy.filters.http.fault", {}))
    for mirror in action.get("request_mirror_policies", ()):
        share = _percent(mirror.get("runtime_fraction", {}).get("default_value", {"numerator": 100}))
        yield f"mirrors {share} to {cluster_in_words(mirror['cluster'])}"
    for name, what in (("prefix_rewrite", "path"), ("host_rewrite_literal", "host")):
        if action.get(name):
            yield f"rewrites the {what} to {action[name]}"
    if "regex_rewrite" in action:
        yield f"rewrites the path by {action['regex_rewrite'].get('pattern', {}).get('regex', '')}"
    yield from _headers(route)
    if "envoy.filters.http.cors" in filters:
        yield "answers CORS preflights"


def _fault(fault: Message) -> Iterator[str]:
    if "abort" in fault:
        abort = fault["abort"]
        status = abort.get("http_status") or f"gRPC status {abort.get('grpc_status')}"
        yield f"aborts {_percent(abort.get('percentage', {}))} with {status}"
    if "delay" in fault:
        yield f"delays {_percent(fault['delay'].get('percentage', {}))} by {fault['delay'].get('fixed_delay')}"


def _headers(route: Message) -> Iterator[str]:
    for of, where in (("request", ""), ("response", " in answers")):
        added = [addition["header"]["key"] for addition in route.get(f"{of}_headers_to_add", ())]
        removed = route.get(f"{of}_headers_to_remove", ())
        if added:
            yield f"sets {', '.join(added)}{where}"
        if removed:
            yield f"removes {', '.join(removed)}{where}"


def _percent(fraction: Message) -> str:
    """Return a FractionalPercent; what is 0 is left out of protobuf's JSON."""
    return f"{fraction.get('numerator', 0) / _OF_A_HUNDRED[fraction.get('denominator', 'HUNDRED')]:g} %"
