"""What istiod's webhook says of load balancers, in its words.

Source: validateLoadBalancer in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator
from math import isqrt

from localmesh.kinds.istio.rules.connection_pool import duration_problems
from localmesh.kinds.istio.types.destination_rule import ConsistentHashLB, HTTPCookie, LoadBalancerSettings
from localmesh.kinds.review import Problem, not_honoured

_LARGEST_TABLE = 5_000_011
_LARGEST_RING = 8_388_608
_OLD_RING_SIZE = "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead"


def load_balancer_problems(path: str, balancer: LoadBalancerSettings) -> Iterator[Problem]:
    """Yield what is wrong with a load balancer."""
    if balancer.consistent_hash:
        yield from _hash_problems(f"{path}.consistentHash", balancer.consistent_hash)
    if balancer.warmup and balancer.warmup.aggression is not None and balancer.warmup.aggression <= 0:
        yield Problem(f"{path}.warmup.aggression", "aggression should be greater than 0")


def load_balancer_warnings(path: str, balancer: LoadBalancerSettings) -> Iterator[str]:
    """Yield what is odd about a load balancer, or other here than in a cluster."""
    if balancer.consistent_hash and balancer.consistent_hash.minimum_ring_size:
        yield _OLD_RING_SIZE
    if balancer.simple == "PASSTHROUGH":
        reason = "nothing is intercepted here, so an endpoint is taken at random, as behind a cluster IP"
        yield not_honoured(f"{path}.simple: PASSTHROUGH", reason)


def _hash_problems(path: str, settings: ConsistentHashLB) -> Iterator[Problem]:
    if settings.http_cookie:
        yield from _cookie_problems(f"{path}.httpCookie", settings.http_cookie)
    yield from _name_problems(path, settings)
    ring = settings.ring_hash.minimum_ring_size if settings.ring_hash else settings.minimum_ring_size
    if ring > _LARGEST_RING:
        place = f"{path}.ringHash.minimumRingSize" if settings.ring_hash else f"{path}.minimumRingSize"
        yield Problem(place, f"{ring}: istiod lets it pass, but Envoy takes {_LARGEST_RING} at most")
    if settings.minimum_ring_size and (settings.ring_hash or settings.maglev):
        yield Problem(path, "only one of MinimumRingSize or Maglev/Ringhash can be specified")
    if settings.maglev:
        for complaint in _table_complaints(settings.maglev.table_size):
            yield Problem(f"{path}.maglev.tableSize", complaint)


def _name_problems(path: str, settings: ConsistentHashLB) -> Iterator[Problem]:
    named = {"httpHeaderName": settings.http_header_name, "httpQueryParameterName": settings.http_query_parameter_name}
    for field, name in named.items():
        if name == "":
            yield Problem(f"{path}.{field}", "istiod lets it pass, but Envoy takes no empty name")


def _cookie_problems(path: str, cookie: HTTPCookie) -> Iterator[Problem]:
    if not cookie.name:
        yield Problem(f"{path}.name", "name required for HttpCookie")
    yield from duration_problems(f"{path}.ttl", cookie.ttl)
    names: set[str] = set()
    for index, attribute in enumerate(cookie.attributes):
        if not attribute.name:
            yield Problem(f"{path}.attributes[{index}].name", "cookie attribute name cannot be empty")
        elif attribute.name in names:
            yield Problem(f"{path}.attributes[{index}].name", f"duplicate cookie attribute name: {attribute.name}")
        names.add(attribute.name)


def _table_complaints(size: int) -> Iterator[str]:
    if size == 0:
        yield "tableSize must be set for maglev"
    elif size >= _LARGEST_TABLE:
        yield f"tableSize must be less than {_LARGEST_TABLE} for maglev"
    elif size == 1:
        yield "1: istiod lets it pass, but Envoy, which takes primes, ends when it is told so"
    elif not _is_prime(size):
        yield "tableSize must be a prime number for maglev"


def _is_prime(number: int) -> bool:
    return all(number % factor for factor in range(2, isqrt(number) + 1))
