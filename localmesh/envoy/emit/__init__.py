"""A proxy's model → its xDS resources, in protobuf's JSON form. Pure and total: nothing is decided here.

One module for each of Envoy's messages. The bytes are istiod's where they matter; the tests hold them against what a
real istiod wrote.
"""

from localmesh.envoy.emit.cluster import cluster
from localmesh.envoy.emit.cluster_load_assignment import cluster_load_assignment
from localmesh.envoy.emit.listener import listener
from localmesh.envoy.emit.route_configuration import route_configuration
from localmesh.envoy.memo import Memo
from localmesh.envoy.resources import Resources
from localmesh.proxy.clusters import ClusterType
from localmesh.proxy.proxies import Proxy


def emit(proxy: Proxy) -> Resources:
    """Return everything that one Envoy is told."""
    return Emitter().emit(proxy)


class Emitter:
    """Writes down each part of the model once: what proxies share, and what stays from one change to the next.

    A part that is the same object gives the same dict, which nobody may change.
    """

    def __init__(self) -> None:
        self._listeners = Memo(listener)
        self._routes = Memo(route_configuration)
        self._clusters = Memo(cluster)
        self._endpoints = Memo(cluster_load_assignment)

    def emit(self, proxy: Proxy) -> Resources:
        """Return everything that one Envoy is told."""
        endpoints = self._endpoints.get
        return Resources(
            lds=list(map(self._listeners.get, proxy.listeners)),
            rds=list(map(self._routes.get, proxy.routes)),
            cds=list(map(self._clusters.get, proxy.clusters)),
            eds=[endpoints(described) for described in proxy.clusters if described.type is ClusterType.EDS],
        )

    def forget(self) -> None:
        """Forget what was not emitted since this was called last."""
        for memo in (self._listeners, self._routes, self._clusters, self._endpoints):
            memo.forget()
