"""The questions that boards ask Prometheus.

Istio's metrics have two reporters. The source's proxy counts what the caller saw, retries already healed; the
destination's proxy counts each try that reached it. Hence calls, attempts, and retries as their difference.

Labels are given by name; a value that begins with =~, != or !~ brings its operator.
"""

import re

# The source gave up before anybody was asked, or never got through: there is no attempt to such a call.
UNSENT = "!~.*(UH|UF|NR|NC|UO|FI|DC).*"


def requests(by: str = "", **labels: str) -> str:
    """Return requests per second, in all or by labels."""
    return _summed(by, f"rate(istio_requests_total{_selector(labels)}[$__rate_interval])")


def success(by: str = "", **labels: str) -> str:
    """Return the share of requests that were not answered with 5xx: zero, not nothing, when all of them were."""
    every, failed = requests(by, **labels), requests(by, **labels, response_code="=~5..")
    return f"1 - ({failed} or 0 * {every}) / ({every} > 0)"


def retries(**labels: str) -> str:
    """Return the tries per second beyond the first: those that arrived, less the calls that were made."""
    attempts = requests(reporter="destination", **labels)
    calls = requests(reporter="source", response_flags=UNSENT, **labels)
    return f"clamp_min({attempts} - {calls}, 0)"


def latency(quantile: float, by: str = "", **labels: str) -> str:
    """Return a quantile of the duration, in milliseconds."""
    buckets = f"rate(istio_request_duration_milliseconds_bucket{_selector(labels)}[$__rate_interval])"
    return f"histogram_quantile({quantile}, {_summed(f'{by}, le' if by else 'le', buckets)})"


def body_bytes(body: str, by: str, **labels: str) -> str:
    """Return bytes per second of `request` or `response` bodies."""
    return _summed(by, f"rate(istio_{body}_bytes_sum{_selector(labels)}[$__rate_interval])")


def cpu(by: str, **labels: str) -> str:
    """Return the cores that containers use."""
    return _summed(by, f"rate(container_cpu_usage_seconds_total{_selector(labels)}[$__rate_interval])")


def memory(by: str, **labels: str) -> str:
    """Return the bytes that containers hold and could not give back."""
    return _summed(by, f"container_memory_working_set_bytes{_selector(labels)}")


def rate(metric: str, by: str = "", **labels: str) -> str:
    """Return what any counter gains per second."""
    return _summed(by, f"rate({metric}{_selector(labels)}[$__rate_interval])")


def _summed(by: str, vector: str) -> str:
    return f"sum by ({by}) ({vector})" if by else f"sum({vector})"


def _selector(labels: dict[str, str]) -> str:
    matchers = []
    for name, condition in labels.items():
        operator, value = re.fullmatch(r"(=~|!=|!~)?(.*)", condition).groups()  # type: ignore[union-attr] # matches all
        matchers.append(f'{name}{operator or "="}"{value}"')
    return "{" + ", ".join(matchers) + "}" if matchers else ""
