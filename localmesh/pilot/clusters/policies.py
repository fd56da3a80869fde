"""A traffic policy → what it changes about a cluster; what it does not say is decided in `defaults`.

Numbers of 0 say nothing, as in istiod. Source: pilot/pkg/networking/core/cluster_traffic_policy.go of Istio 1.31.
"""

from datetime import timedelta

from msgspec.structs import replace

from localmesh.kinds.durations import parse_any_duration
from localmesh.kinds.istio.types.destination_rule import (
    ConnectionPoolSettings,
    HTTPSettings,
    RetryBudget,
    TCPSettings,
    TrafficPolicy,
)
from localmesh.kinds.istio.types.destination_rule import OutlierDetection as OutlierSettings
from localmesh.pilot.clusters.defaults import NO_BREAKERS
from localmesh.pilot.clusters.load_balancers import load_balancer
from localmesh.proxy import cluster_policies as proxy
from localmesh.proxy.cluster_policies import CircuitBreakers, Connections, Http2Keepalive, TcpKeepalive
from localmesh.proxy.clusters import Cluster, UpstreamProtocol

UPGRADE = "UPGRADE"
RETRY_PERCENT = 20.0
RETRY_CONCURRENCY = 3


def with_policy(cluster: Cluster, policy: TrafficPolicy | None) -> Cluster:
    """Return an outbound cluster with all that a policy says."""
    if policy is None:
        return cluster
    http = _http(policy.connection_pool)
    upgraded = http.h2_upgrade_policy == UPGRADE and cluster.protocol is UpstreamProtocol.HTTP1
    pooled = with_connection_pool(replace(cluster, protocol=UpstreamProtocol.HTTP2) if upgraded else cluster, policy)
    outliers = policy.outlier_detection
    return replace(
        pooled,
        load_balancer=load_balancer(policy.load_balancer) if policy.load_balancer else cluster.load_balancer,
        outlier_detection=_outlier_detection(outliers) if outliers else None,
        panic_threshold=outliers.min_health_percent if outliers else cluster.panic_threshold,
    )


def with_connection_pool(cluster: Cluster, policy: TrafficPolicy | None) -> Cluster:
    """Return a cluster with what a policy says of connections: the one part that the server's own side takes."""
    if policy is None:
        return cluster
    http, tcp = _http(policy.connection_pool), _tcp(policy.connection_pool)
    return replace(
        cluster,
        connect_timeout=tcp.connect_timeout or cluster.connect_timeout,
        protocol=UpstreamProtocol.AS_DOWNSTREAM if http.use_client_protocol else cluster.protocol,
        circuit_breakers=_circuit_breakers(http, tcp, policy.retry_budget),
        connections=_connections(http, tcp),
        tcp_keepalive=_tcp_keepalive(tcp),
    )


def _http(pool: ConnectionPoolSettings | None) -> HTTPSettings:
    return (pool and pool.http) or HTTPSettings()


def _tcp(pool: ConnectionPoolSettings | None) -> TCPSettings:
    return (pool and pool.tcp) or TCPSettings()


def _circuit_breakers(http: HTTPSettings, tcp: TCPSettings, budget: RetryBudget | None) -> CircuitBreakers:
    return CircuitBreakers(
        tcp.max_connections or NO_BREAKERS.max_connections,
        http.http1_max_pending_requests or NO_BREAKERS.max_pending_requests,
        http.http2_max_requests or NO_BREAKERS.max_requests,
        http.max_retries or NO_BREAKERS.max_retries,
        _retry_budget(budget) if budget else None,
    )


def _retry_budget(budget: RetryBudget) -> proxy.RetryBudget:
    return proxy.RetryBudget(
        RETRY_PERCENT if budget.percent is None else budget.percent,
        budget.min_retry_concurrency or RETRY_CONCURRENCY,
        parse_any_duration(budget.budget_interval) if budget.budget_interval is not None else None,
    )


def _connections(http: HTTPSettings, tcp: TCPSettings) -> Connections:
    """Return how long connections live; HTTP's idle time goes before TCP's."""
    idle = http.idle_timeout
    if idle is None and tcp.idle_timeout is not None:
        idle = parse_any_duration(tcp.idle_timeout)
    return Connections(
        idle,
        tcp.max_connection_duration,
        http.max_requests_per_connection or None,
        http.max_concurrent_streams or None,
        _http2_keepalive(http),
    )


def _http2_keepalive(http: HTTPSettings) -> Http2Keepalive | None:
    ping = http.http2_keep_alive
    return Http2Keepalive(ping.interval, ping.timeout) if ping and ping.interval and ping.timeout else None


def _tcp_keepalive(tcp: TCPSettings) -> TcpKeepalive | None:
    """Return the probes that are asked for; Linux counts whole seconds."""
    if tcp.tcp_keepalive is None:
        return None
    asked = tcp.tcp_keepalive
    return TcpKeepalive(asked.probes or None, _whole_seconds(asked.time), _whole_seconds(asked.interval))


def _whole_seconds(length: timedelta | None) -> int | None:
    """Return seconds as istiod counts them: in 32 bits, and of what is longer the rest."""
    return int(length.total_seconds()) % 2**32 if length else None


def _outlier_detection(settings: OutlierSettings) -> proxy.OutlierDetection:
    splits = settings.split_external_local_origin_errors
    return proxy.OutlierDetection(
        settings.consecutive5xx_errors,
        settings.consecutive_gateway_errors,
        (settings.consecutive_local_origin_failures or None) if splits else None,
        splits,
        settings.interval,
        settings.base_ejection_time,
        settings.max_ejection_percent or None,
    )
