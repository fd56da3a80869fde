"""The policies in an envoy.config.cluster.v3.Cluster."""

from msgspec.structs import asdict

from localmesh.envoy.emit.messages import Message, duration, given
from localmesh.proxy.cluster_policies import (
    CircuitBreakers,
    LoadBalancer,
    LoadBalancing,
    OutlierDetection,
    RetryBudget,
    SlowStart,
    TcpKeepalive,
)

ALWAYS = 100
NEVER = 0
_RUNTIME_KEY = "("
"""What istiod writes, so that nobody changes the value at run time."""


def lb_config(described: LoadBalancer) -> Message:
    """Return the one field in which a Cluster says more about its load balancer; 64-bit numbers are strings."""
    if described.minimum_ring_size is not None:
        return {"ring_hash_lb_config": {"minimum_ring_size": str(described.minimum_ring_size)}}
    if described.table_size is not None:
        return {"maglev_lb_config": {"table_size": str(described.table_size)}}
    if described.slow_start is None:
        return {}
    round_robin = described.policy is LoadBalancing.ROUND_ROBIN
    field = "round_robin_lb_config" if round_robin else "least_request_lb_config"
    return {field: {"slow_start_config": _slow_start(described.slow_start)}}


def _slow_start(described: SlowStart) -> Message:
    aggression, minimum = described.aggression, described.min_weight_percent
    return given(
        slow_start_window=duration(described.window),
        aggression=None if aggression is None else {"default_value": aggression, "runtime_key": _RUNTIME_KEY},
        min_weight_percent=None if minimum is None else _percent(minimum),
    )


def circuit_breakers(described: CircuitBreakers) -> Message:
    """Return CircuitBreakers."""
    budget = _retry_budget(described.retry_budget) if described.retry_budget else None
    return {"thresholds": [given(**asdict(described) | {"retry_budget": budget})]}


def _retry_budget(described: RetryBudget) -> Message:
    return given(
        budget_percent=_percent(described.percent),
        budget_interval=None if described.interval is None else duration(described.interval),
        min_retry_concurrency=described.min_concurrency,
    )


def outlier_detection(described: OutlierDetection) -> Message:
    """Return OutlierDetection: what is counted is acted on always, and what Envoy would reckon by itself never."""
    splits = described.split_external_local_origin_errors
    return given(
        consecutive_5xx=described.consecutive_5xx,
        enforcing_consecutive_5xx=_enforcing(described.consecutive_5xx),
        consecutive_gateway_failure=described.consecutive_gateway_failure,
        enforcing_consecutive_gateway_failure=_enforcing(described.consecutive_gateway_failure),
        split_external_local_origin_errors=splits or None,
        consecutive_local_origin_failure=described.consecutive_local_origin_failure,
        enforcing_consecutive_local_origin_failure=_enforcing(described.consecutive_local_origin_failure),
        enforcing_local_origin_success_rate=NEVER if splits else None,
        enforcing_success_rate=NEVER,
        interval=duration(described.interval) if described.interval else None,
        base_ejection_time=duration(described.base_ejection_time) if described.base_ejection_time else None,
        max_ejection_percent=described.max_ejection_percent,
    )


def _enforcing(count: int | None) -> int | None:
    """Return how often a rule is acted on, in percent; a count of 0 switches it off."""
    return None if count is None else ALWAYS if count else NEVER


def upstream_connection_options(described: TcpKeepalive) -> Message:
    """Return UpstreamConnectionOptions."""
    keepalive = given(
        keepalive_probes=described.probes,
        keepalive_time=described.time_s,
        keepalive_interval=described.interval_s,
    )
    return {"tcp_keepalive": keepalive}


def _percent(value: float) -> Message:
    """Return an envoy.type.v3.Percent."""
    return {"value": value}
