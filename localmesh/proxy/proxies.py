"""One proxy: its name, its kind, and everything that it is to do."""

from dataclasses import dataclass
from enum import Enum

from localmesh.proxy.clusters import Cluster
from localmesh.proxy.listeners import Listener
from localmesh.proxy.routes import RouteConfiguration


@dataclass(frozen=True, slots=True, order=True)
class ProxyId:
    """Names a proxy: that of a pod, or offline, where there are no pods, that of a Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}"


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
