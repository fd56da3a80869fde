"""Clusters: the destinations, and their endpoints."""

from dataclasses import dataclass
from enum import Enum

from localmesh.proxy.addresses import Address


class Upstream(Enum):
    """What is spoken to a cluster's endpoints."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    AS_DOWNSTREAM = "as downstream"
    """What the client spoke."""


class Use(Enum):
    """What a cluster is for."""

    SERVICE = "service"
    """Endpoints that come and go."""

    APPLICATION = "application"
    """The application beside the proxy."""

    PASSTHROUGH = "passthrough"
    """Whatever no virtual host knows."""

    BLACK_HOLE = "black hole"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a cluster."""

    address: Address
    healthy: bool = True
    workload: str = ""
    """Whose it is, in the form of Istio's telemetry: `name;namespace;canonical name;revision;cluster`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a cluster comes from; told to whoever looks at the proxy, no traffic depends on it."""

    host: str
    name: str
    namespace: str
    config: str = ""
    """Path of the DestinationRule, if there is one."""

    subset: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A destination."""

    name: str
    use: Use
    endpoints: tuple[Endpoint, ...] = ()
    upstream: Upstream = Upstream.HTTP1
    origin: Origin | None = None
