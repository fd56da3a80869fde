"""What each proxy shall do, with every default decided: the words between Istio's kinds and Envoy's protobufs.

Nothing here knows where it comes from, and whoever writes it down for a proxy has nothing left to decide.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where something listens."""

    host: str
    """An IP address."""

    port: int


@dataclass(frozen=True, slots=True, order=True)
class ProxyId:
    """Names a proxy: that of a pod, or offline, where there are no pods, that of a Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}"


class Text(StrEnum):
    """Ways to compare a text."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class TextMatch:
    """How a path or a header has to be."""

    kind: Text
    value: str = ""
    """Compared with the text; nothing for PRESENT."""


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """How a header has to be; `:method` and its kind are headers too."""

    name: str
    text: TextMatch


ANY_PATH = TextMatch(Text.PREFIX, "/")


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """Which requests a route takes; all conditions have to hold."""

    path: TextMatch = ANY_PATH
    headers: tuple[HeaderMatch, ...] = ()

    conditional: bool = False
    """Whether it comes from a condition that someone wrote, even one that always holds."""

    @property
    def catches_all(self) -> bool:
        """Whether no request that comes by goes on to the next route."""
        return self.path == ANY_PATH and not self.headers


EVERYTHING = RouteMatch()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often a request is tried again."""

    retries: int
    """Tries beyond the first."""

    conditions: str
    """Envoy's `retry_on`."""

    statuses: tuple[int, ...] = ()
    """HTTP statuses that count as `retriable-status-codes`."""

    per_try_timeout: timedelta | None = None

    host_attempts: int | None = None
    """How often another endpoint is looked for that was not tried yet; None: any endpoint will do."""


@dataclass(frozen=True, slots=True)
class Share:
    """One destination of a route."""

    cluster: str
    weight: int | None = None
    """Share of the requests in relation to the others'; None for a destination that was named alone."""


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of a virtual host."""

    destinations: tuple[Share, ...]
    """At least one."""

    match: RouteMatch = EVERYTHING
    name: str = ""
    timeout: timedelta = timedelta(0)
    """For all tries together, 0 for no limit."""

    retry: RetryPolicy | None = None
    operation: str = ""
    """What a request is called in traces."""

    config: str = ""
    """Path of the object that the route was made from."""

    server_side: bool = False
    """Whether the route is the last step, into the application: then a request may last as long as it likes."""


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Routes for some host names."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    counts_attempts: bool = True
    """Whether the upstream is told which try it sees (`x-envoy-attempt-count`)."""


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """The virtual hosts of a listener, found by the request's host without its port."""

    name: str
    virtual_hosts: tuple[VirtualHost, ...]


@dataclass(frozen=True, slots=True)
class Forward:
    """What is done with a protocol that is not understood: all bytes go to one cluster."""

    cluster: str


class Side(Enum):
    """For whom a listener works; much of what it does with HTTP follows from that."""

    GATEWAY = "gateway"
    """For strangers: their headers are not trusted, the client's address is the connection's."""

    OUTBOUND = "outbound"
    """For the application beside the proxy."""

    INBOUND = "inbound"
    """For the mesh, on behalf of the application."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket, and what becomes of what it takes."""

    name: str
    address: Address
    side: Side
    routes: str | RouteConfiguration | Forward
    """For HTTP, the name of the proxy's route configuration to follow, or one that belongs to the listener alone."""

    bound: bool = True
    """Whether it opens a socket; one that does not gets what another listener has caught, which is nothing here."""

    http_proxy: bool = False
    """Whether it serves as an HTTP proxy: takes absolute URLs."""

    shared: bool = False
    """Whether several processes may listen on the address, each getting some of the connections."""


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


class Kind(Enum):
    """The kinds of proxies, as a node id names them."""

    SIDECAR = "sidecar"
    ROUTER = "router"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Everything that one Envoy is to do; each part is sorted by name."""

    id: ProxyId
    kind: Kind
    listeners: tuple[Listener, ...]
    routes: tuple[RouteConfiguration, ...]
    clusters: tuple[Cluster, ...]
