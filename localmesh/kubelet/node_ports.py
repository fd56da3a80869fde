"""Node ports: what kube-proxy does for Services of type NodePort. A connection goes to one of the Service's ready pods.

A gateway's Envoy listens on its Service's node port itself, so nothing stands before it; and a Service without pods is
not listened for, which is refused as in a cluster.
"""

import asyncio
import errno
import logging
import random
from collections.abc import Iterator

from msgspec import Struct, field

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Key, Object, key_of, labels_of, selects
from localmesh.kinds.injection import is_gateway
from localmesh.kinds.resources import ENDPOINTS, PODS, SERVICES
from localmesh.kubelet.relays import Connections, relay
from localmesh.store.events import Recorder
from localmesh.store.objects import Store

logger = logging.getLogger(__name__)

TYPES = ("NodePort", "LoadBalancer")


class ServedPort(Struct, frozen=True):
    """A Service's port that has a port of the machine."""

    service: Key
    name: str
    """Of the port, "" for the only one."""


class NodePorts(Struct):
    """Listens for Services as long as `run` runs."""

    store: Store
    _servers: dict[int, tuple[ServedPort, asyncio.Server]] = field(default_factory=dict)
    _refused: set[tuple[int, ServedPort]] = field(default_factory=set)
    """Ports that somebody else has; said once."""

    _connections: Connections = field(default_factory=Connections)

    async def run(self) -> None:
        """Keep listening for what Services say, for ever."""
        try:
            async for _ in self.store.changed():
                await self._reconcile()
        finally:
            for _, server in self._servers.values():
                server.close()
            await self._connections.end()
            self._servers.clear()

    async def _reconcile(self) -> None:
        ports = dict(self._served_ports())
        for number, (served, server) in list(self._servers.items()):
            if ports.get(number) != served:
                server.close()
                del self._servers[number]
        self._refused &= set(ports.items())
        for number, served in ports.items():
            if number not in self._servers:
                await self._listen(number, served)

    def _served_ports(self) -> Iterator[tuple[int, ServedPort]]:
        for service in self.store.objects(SERVICES):
            spec = service["spec"]
            if spec.get("type") in TYPES and spec.get("selector") and self._has_plain_pods(service):
                for port in spec.get("ports") or []:
                    if port.get("nodePort") and port.get("protocol", "TCP") == "TCP":
                        yield port["nodePort"], ServedPort(key_of(service), port.get("name", ""))

    def _has_plain_pods(self, service: Object) -> bool:
        """Tell whether a Service has pods, and no gateway among them."""
        pods = self.store.objects(PODS, service["metadata"]["namespace"])
        selected = [pod for pod in pods if selects(service["spec"]["selector"], labels_of(pod))]
        return bool(selected) and not any(map(is_gateway, selected))

    async def _listen(self, number: int, served: ServedPort) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connections.serve(self._forward(served, reader, writer), writer, served.service)

        try:
            self._servers[number] = served, await asyncio.start_server(accept, LOOPBACK, number)
        except OSError as error:
            if (number, served) not in self._refused:
                self._refused.add((number, served))
                why = "another program has it" if error.errno == errno.EADDRINUSE else str(error)
                self._say(served, f"port {number} on {LOOPBACK} cannot be listened on: {why}")

    def _say(self, served: ServedPort, message: str) -> None:
        logger.warning("%s: %s", served.service, message)
        service = self.store.find(SERVICES, served.service)
        if service is not None:
            Recorder(self.store, "kube-proxy").warning(service, "FailedToListenOnNodePort", message)

    async def _forward(self, served: ServedPort, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports = endpoints(self.store.find(ENDPOINTS, served.service) or {}, served.name)
        if ports:
            pod = await asyncio.open_connection(LOOPBACK, random.choice(ports))  # noqa: S311 -- no secret hangs on it
            await relay((reader, writer), pod)


def endpoints(obj: Object, name: str) -> list[int]:
    """Return the local ports behind a Service's port, of ready pods."""
    subsets = obj.get("subsets") or []
    return [
        port["port"]
        for subset in subsets
        if subset.get("addresses")
        for port in subset.get("ports") or []
        if port.get("name", "") == name
    ]
