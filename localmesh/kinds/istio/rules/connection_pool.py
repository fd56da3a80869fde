"""What istiod's webhook says of connection pools, in its words.

Source: validateConnectionPool in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator
from datetime import timedelta

from localmesh.kinds.durations import parse_any_duration
from localmesh.kinds.istio.types.destination_rule import ConnectionPoolSettings, HTTPSettings, TCPSettings
from localmesh.kinds.messages import json_name
from localmesh.kinds.review import Problem

_HTTP_COUNTS = {
    "http1_max_pending_requests": "http1 max pending requests",
    "http2_max_requests": "http2 max requests",
    "max_requests_per_connection": "max requests per connection",
    "max_retries": "max retries",
    "max_concurrent_streams": "max concurrent streams",
}
_MILLISECOND = timedelta(milliseconds=1)


def connection_pool_problems(path: str, pool: ConnectionPoolSettings) -> Iterator[Problem]:
    """Yield what is wrong with a connection pool."""
    if pool.http is None and pool.tcp is None:
        yield Problem(path, "connection pool must have at least one field: http or tcp")
    if pool.http:
        yield from _http_problems(f"{path}.http", pool.http)
    if pool.tcp:
        yield from _tcp_problems(f"{path}.tcp", pool.tcp)


def _http_problems(path: str, http: HTTPSettings) -> Iterator[Problem]:
    for field, name in _HTTP_COUNTS.items():
        if getattr(http, field) < 0:
            yield Problem(f"{path}.{json_name(field)}", f"{name} must be non-negative")
    if http.h2_upgrade_policy == "UPGRADE" and http.use_client_protocol:
        message = "use client protocol must not be true when H2UpgradePolicy is UPGRADE"
        yield Problem(f"{path}.useClientProtocol", message)
    if keepalive := http.http2_keep_alive:
        if keepalive.interval is None:
            yield Problem(f"{path}.http2KeepAlive", "http2 keepalive interval is required")
        if keepalive.timeout is None:
            yield Problem(f"{path}.http2KeepAlive", "http2 keepalive timeout is required")


def _tcp_problems(path: str, tcp: TCPSettings) -> Iterator[Problem]:
    if tcp.max_connections < 0:
        yield Problem(f"{path}.maxConnections", "max connections must be non-negative")
    if tcp.idle_timeout is not None and (complaint := _idle_complaint(tcp.idle_timeout)):
        yield Problem(f"{path}.idleTimeout", complaint)


def _idle_complaint(text: str) -> str | None:
    """Say what is wrong with an idle time; less than a millisecond switches it off."""
    try:
        length = parse_any_duration(text)
    except ValueError as error:
        return str(error)
    if abs(length) < _MILLISECOND:
        return None
    if length < _MILLISECOND:
        return "duration must be greater than 1ms"
    return "only durations to ms precision are supported" if length % _MILLISECOND else None


def duration_problems(path: str, text: str | None) -> Iterator[Problem]:
    """Yield what is wrong with a duration of which the CRD asks nothing."""
    try:
        length = timedelta() if text is None else parse_any_duration(text)
    except ValueError as error:
        yield Problem(path, str(error))
        return
    if length < timedelta():
        yield Problem(path, f"{text}: istiod lets it pass, but Envoy takes no duration below 0")
