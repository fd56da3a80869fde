"""One proxy: its name, its type, and everything that it is to do.

The model of this room is what lies between Istio's kinds and Envoy's protobufs, with every default decided. Nothing in
it knows where it comes from, and whoever writes it down for a proxy has nothing left to decide.
"""

from enum import StrEnum

from msgspec import Struct

from localmesh.proxy.clusters import Cluster
from localmesh.proxy.listeners import Listener
from localmesh.proxy.routes import RouteConfiguration


class ProxyId(Struct, frozen=True, order=True):
    """Names a proxy: that of a pod, or offline, where there are no pods, that of a Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}"


class NodeType(StrEnum):
    """The types of proxies, as a node id names them."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class Proxy(Struct, frozen=True):
    """Everything that one Envoy is to do; each part is sorted by name."""

    id: ProxyId
    type: NodeType
    listeners: tuple[Listener, ...]
    routes: tuple[RouteConfiguration, ...]
    clusters: tuple[Cluster, ...]
    sampling: float | None = None
    """Percentage of the requests of which it begins a trace, if anybody says so; None leaves it to whoever traces."""
