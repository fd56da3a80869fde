"""How a cluster's endpoints are chosen, how many requests they get at once, and when one is left alone for a while.

Where a field may be None, nothing is said to Envoy, and Envoy decides.
"""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class LoadBalancing(StrEnum):
    """Which endpoint the next request goes to."""

    LEAST_REQUEST = "LEAST_REQUEST"
    """Of two taken at random, the one with fewer requests under way."""

    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"
    RING_HASH = "RING_HASH"
    """The same for the same hash of the request: the next one on a ring; so with `MAGLEV`, by a table."""

    MAGLEV = "MAGLEV"
    CLUSTER_PROVIDED = "CLUSTER_PROVIDED"
    """The only one that there is."""


class SlowStart(Struct, frozen=True):
    """A new endpoint gets its full share of requests only after a while."""

    window: timedelta
    aggression: float | None = None
    """1 for a share that grows evenly; above it grows faster at first."""

    min_weight_percent: float | None = None
    """What it has at least of its full share."""


class LoadBalancer(Struct, frozen=True):
    """How the endpoint for a request is chosen."""

    policy: LoadBalancing
    slow_start: SlowStart | None = None
    minimum_ring_size: int | None = None
    """Points on the ring of `RING_HASH`."""

    table_size: int | None = None
    """Entries in the table of `MAGLEV`: a prime number."""


class RetryBudget(Struct, frozen=True):
    """How many of the requests under way may be retries; it takes the place of `max_retries`."""

    percent: float
    min_concurrency: int
    """So many may be retries in any case."""

    interval: timedelta | None = None
    """Requests of so long ago count as under way."""


class CircuitBreakers(Struct, frozen=True):
    """How much may be under way at once; more is refused with 503."""

    max_connections: int
    max_pending_requests: int
    max_requests: int
    max_retries: int
    retry_budget: RetryBudget | None = None


class Http2Keepalive(Struct, frozen=True):
    """Pings over HTTP/2, and how long to wait for their answers."""

    interval: timedelta
    timeout: timedelta


class Connections(Struct, frozen=True):
    """How long connections to endpoints live, and how much goes over one."""

    idle_timeout: timedelta | None = None
    max_duration: timedelta | None = None
    max_requests: int | None = None
    """After so many a connection is closed."""

    max_streams: int | None = None
    """Requests at a time over one connection; HTTP/2 only."""

    keepalive: Http2Keepalive | None = None
    """HTTP/2 only."""


ENVOYS_OWN = Connections()


class TcpKeepalive(Struct, frozen=True):
    """Probes over idle TCP connections; what is None is the operating system's own."""

    probes: int | None = None
    time_s: int | None = None
    """Seconds without traffic before the first probe."""

    interval_s: int | None = None


class OutlierDetection(Struct, frozen=True):
    """When an endpoint that fails gets no requests for a while; a count of 0 switches its rule off."""

    consecutive_5xx: int | None = None
    consecutive_gateway_failure: int | None = None
    """Answers 502, 503 and 504 in a row."""

    consecutive_local_origin_failure: int | None = None
    """Connections that failed in a row; only with `split_external_local_origin_errors`."""

    split_external_local_origin_errors: bool = False
    interval: timedelta | None = None
    """Between two looks at who may come back."""

    base_ejection_time: timedelta | None = None
    """For the first time; the second is twice as long."""

    max_ejection_percent: int | None = None
    """Of all endpoints, at most so many are left alone at a time."""
