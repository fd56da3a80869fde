"""A proxy's model → its xDS resources, in protobuf's JSON form. Pure and total: nothing is decided here.

One module for each of Envoy's messages. The bytes are istiod's where they matter; the tests hold them against what a
real istiod wrote.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from localmesh.envoy.emit.cluster import cluster
from localmesh.envoy.emit.cluster_load_assignment import cluster_load_assignment
from localmesh.envoy.emit.listener import listener
from localmesh.envoy.emit.messages import Message
from localmesh.envoy.emit.route_configuration import route_configuration
from localmesh.envoy.memo import Memo
from localmesh.envoy.resources import Resources
from localmesh.proxy.clusters import ClusterType
from localmesh.proxy.proxies import Proxy

PartT = TypeVar("PartT")


def emit(proxy: Proxy) -> Resources:
    """Return everything that one Envoy is told."""
    return Emitter().emit(proxy)


class Emitter:
    """Writes down each part of the model once: what proxies share, and what stays from one change to the next.

    A part that is the same object gives the same dict, which nobody may change.
    """

    def __init__(self) -> None:
        self._messages: Memo[Message] = Memo()

    def emit(self, proxy: Proxy) -> Resources:
        """Return everything that one Envoy is told."""
        discovered = [described for described in proxy.clusters if described.type is ClusterType.EDS]
        return Resources(
            lds=self._all(listener, proxy.listeners),
            rds=self._all(route_configuration, proxy.routes),
            cds=self._all(cluster, proxy.clusters),
            eds=self._all(cluster_load_assignment, discovered),
        )

    def forget(self) -> None:
        """Forget what was not emitted since this was called last."""
        self._messages.forget()

    def _all(self, write: Callable[[PartT], Message], parts: Iterable[PartT]) -> list[Message]:
        return [self._messages.get(write, part) for part in parts]
