"""How a policy's load balancer chooses endpoints.

Source: applyLoadBalancer and ApplyRingHashLoadBalancer in pilot/pkg/networking/core/cluster_traffic_policy.go of
Istio 1.31.
"""

from localmesh.kinds.istio.types.destination_rule import ConsistentHashLB, LoadBalancerSettings
from localmesh.proxy.cluster_policies import LoadBalancer, LoadBalancing, SlowStart

PASSTHROUGH = "PASSTHROUGH"
RING_SIZE = 1024
AGGRESSION = 1.0
MIN_WEIGHT_PERCENT = 10.0

_SIMPLE = {
    "ROUND_ROBIN": LoadBalancing.ROUND_ROBIN,
    "RANDOM": LoadBalancing.RANDOM,
    PASSTHROUGH: LoadBalancing.CLUSTER_PROVIDED,
}
"""Whatever else is said, or nothing, is LEAST_REQUEST."""


def load_balancer(settings: LoadBalancerSettings) -> LoadBalancer:
    """Translate a load balancer; only those that know of load can be kind to new endpoints."""
    simple = _SIMPLE.get(settings.simple or "", LoadBalancing.LEAST_REQUEST)
    warms_up = simple in (LoadBalancing.LEAST_REQUEST, LoadBalancing.ROUND_ROBIN)
    slow_start = _slow_start(settings) if warms_up else None
    if settings.consistent_hash:
        return _by_hash(settings.consistent_hash, slow_start)
    return LoadBalancer(simple, slow_start)


def _slow_start(settings: LoadBalancerSettings) -> SlowStart | None:
    """Return the time in which new endpoints warm up; `warmupDurationSecs` is the way of old."""
    if warmup := settings.warmup:
        return SlowStart(
            warmup.duration,
            AGGRESSION if warmup.aggression is None else warmup.aggression,
            MIN_WEIGHT_PERCENT if warmup.minimum_percent is None else warmup.minimum_percent,
        )
    return SlowStart(settings.warmup_duration_secs) if settings.warmup_duration_secs else None


def _by_hash(settings: ConsistentHashLB, slow_start: SlowStart | None) -> LoadBalancer:
    """Return the balancer for requests with a hash; a size that is not said is Envoy's own, but for the way of old."""
    if settings.maglev:
        return LoadBalancer(LoadBalancing.MAGLEV, slow_start, table_size=settings.maglev.table_size or None)
    size = settings.ring_hash.minimum_ring_size if settings.ring_hash else settings.minimum_ring_size or RING_SIZE
    return LoadBalancer(LoadBalancing.RING_HASH, slow_start, minimum_ring_size=size or None)
