"""Clusters: the destinations, and their endpoints."""

from datetime import timedelta
from enum import Enum, StrEnum

from msgspec import Struct

from localmesh.proxy.addresses import Address
from localmesh.proxy.cluster_policies import (
    ENVOYS_OWN,
    CircuitBreakers,
    Connections,
    LoadBalancer,
    OutlierDetection,
    TcpKeepalive,
)
from localmesh.proxy.tls import ClientTls


class ClusterType(StrEnum):
    """How a cluster finds its endpoints."""

    STATIC = "STATIC"
    """They are part of the cluster."""

    EDS = "EDS"
    """They come and go."""

    ORIGINAL_DST = "ORIGINAL_DST"
    """There is one: the address that the client had dialled before its connection was caught."""


class UpstreamProtocol(Enum):
    """What is spoken to a cluster's endpoints."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    AS_DOWNSTREAM = "as downstream"
    """What the client spoke."""


class Endpoint(Struct, frozen=True):
    """One address of a cluster."""

    address: Address
    healthy: bool = True
    workload: str = ""
    """Whose it is, in the form of Istio's telemetry: `name;namespace;canonical name;revision;cluster`."""

    takes_tls: bool = False
    """Whether a proxy of the mesh is there, that takes TLS."""


class ServiceName(Struct, frozen=True):
    """What a Service is called."""

    host: str
    name: str
    namespace: str


class ClusterMetadata(Struct, frozen=True):
    """Where a cluster comes from; told to whoever looks at the proxy, no traffic depends on it."""

    services: tuple[ServiceName, ...]
    """Those that lead to it."""

    config: str = ""
    """Path of the DestinationRule, if there is one."""

    subset: str = ""


class Cluster(Struct, frozen=True):
    """A destination. Each policy that a DestinationRule may set is a field, with its defaults decided."""

    name: str
    type: ClusterType
    connect_timeout: timedelta
    endpoints: tuple[Endpoint, ...] = ()
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1
    load_balancer: LoadBalancer | None = None
    """None where there is nothing to choose from."""

    panic_threshold: int | None = None
    """Percentage of healthy endpoints under which ill ones get requests too; None for Envoy's own."""

    locality_weighted: bool = False
    """Whether endpoints are chosen by the weights of their localities first."""

    circuit_breakers: CircuitBreakers | None = None
    connections: Connections = ENVOYS_OWN
    tcp_keepalive: TcpKeepalive | None = None
    """None to send no probes at all."""

    outlier_detection: OutlierDetection | None = None
    """None to eject nobody."""

    tls: ClientTls | None = None
    """None for plain text."""

    metadata: ClusterMetadata | None = None
