"""Clusters: the destinations, and their endpoints."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum

from localmesh.proxy.addresses import Address


class ClusterType(StrEnum):
    """How a cluster finds its endpoints."""

    STATIC = "STATIC"
    """They are part of the cluster."""

    EDS = "EDS"
    """They come and go."""


class UpstreamProtocol(Enum):
    """What is spoken to a cluster's endpoints."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    AS_DOWNSTREAM = "as downstream"
    """What the client spoke."""


class LoadBalancing(StrEnum):
    """Which endpoint the next request goes to."""

    LEAST_REQUEST = "LEAST_REQUEST"
    """Of two taken at random, the one with fewer requests under way."""

    ROUND_ROBIN = "ROUND_ROBIN"
    RANDOM = "RANDOM"


@dataclass(frozen=True, slots=True)
class CircuitBreakers:
    """How much may be under way at once; more is refused with 503."""

    max_connections: int
    max_pending_requests: int
    max_requests: int
    max_retries: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a cluster."""

    address: Address
    healthy: bool = True
    workload: str = ""
    """Whose it is, in the form of Istio's telemetry: `name;namespace;canonical name;revision;cluster`."""


@dataclass(frozen=True, slots=True)
class ClusterMetadata:
    """Where a cluster comes from; told to whoever looks at the proxy, no traffic depends on it."""

    host: str
    name: str
    namespace: str
    config: str = ""
    """Path of the DestinationRule, if there is one."""

    subset: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A destination. Each policy that a DestinationRule may set is a field, with its defaults decided."""

    name: str
    type: ClusterType
    connect_timeout: timedelta
    endpoints: tuple[Endpoint, ...] = ()
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1
    load_balancing: LoadBalancing | None = None
    """None where there is nothing to choose from."""

    panic_threshold: int | None = None
    """Percentage of healthy endpoints under which ill ones get requests too; None for Envoy's own."""

    circuit_breakers: CircuitBreakers | None = None
    idle_timeout: timedelta | None = None
    """After which an unused connection is closed; None for Envoy's own."""

    metadata: ClusterMetadata | None = None
