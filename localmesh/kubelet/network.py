"""The cluster network as one pod sees it: an HTTP proxy that knows Services and the pod's own ports.

Commands that `kubectl exec` starts use it, the application of a pod without a sidecar does, and a sidecar sends here
what no route of its own claims (PassthroughCluster). Each connection carries one request; bodies are passed on unread.
"""

import asyncio
import random
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Key, Object, key_of
from localmesh.core.places import Place, connect
from localmesh.kinds.addresses import PodAddresses, addresses_of
from localmesh.kinds.istio.hosts import service_names
from localmesh.kinds.resources import ENDPOINTS, PODS, SERVICES
from localmesh.kubelet.http_heads import MAX_HEAD, BadRequestError, Head, answer, read_head
from localmesh.kubelet.relays import Connections, Stream, relay
from localmesh.store.objects import Store

LOCAL_NAMES = ("localhost", LOOPBACK)
STATUS_PORT = 15021
"""Where a proxy says whether it is ready, by Istio's convention."""

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection on loopback."""


class UnreachableError(Exception):
    """There is nobody at that address; the text says who there is."""

    proxy_error = "connection_refused"
    """What the header Proxy-Status calls it (RFC 9209, section 2.3), for programs."""


class UnknownHostError(UnreachableError):
    """No Service has that name."""

    proxy_error = "dns_error"


class Hop(Struct, frozen=True):
    """Where a request goes next."""

    place: Place
    """A local port, or the socket of an admin page."""

    is_proxy: bool = False
    """Whether it is the pod's sidecar, which decides by itself where the request goes."""

    target: str = ""
    """What it is asked for, if it is not what the client asked for."""


class Network:
    """Finds the next hop for requests from one pod."""

    def __init__(self, store: Store, pod: Key, addresses: PodAddresses) -> None:
        self._store = store
        self._pod = pod
        self.addresses = addresses

    def __str__(self) -> str:
        return f"the network of {self._pod}"

    def next_hop(self, head: Head) -> Hop:
        """Return where a request is to be sent. Raises UnreachableError, BadRequestError."""
        host, port = head.authority
        if host in LOCAL_NAMES:
            if port == STATUS_PORT and head.path == "/healthz/ready" and self.addresses.admin is not None:
                return Hop(self.addresses.admin, target="/ready")  # what pilot-agent asks there, too
            return Hop(self._local(host, port))
        service = self._service(host)
        known = {service_port["port"]: service_port for service_port in service["spec"].get("ports") or []}
        if port not in known:
            ports = ", ".join(str(number) for number in known) or "none"
            raise UnreachableError(f"Service {host} has no port {port}; its ports: {ports}")
        if not head.is_absolute:
            # A sidecar passed it through, so it knows no route to this Service: back to it would be a circle.
            raise UnreachableError(f"the sidecar of {self._pod} has no route to {host}:{port}")
        if self.addresses.http_proxy is not None:
            return Hop(self.addresses.http_proxy, is_proxy=True)
        return Hop(self._endpoint(service, known[port]))

    def _local(self, host: str, port: int) -> Place:
        """Return the place behind one of the pod's own ports or, for a podIP, of any pod."""
        own = self.addresses.own()
        if port in own:
            return own[port]
        if host == LOOPBACK and port in self._pod_ports():
            return port
        ports = ", ".join(str(number) for number in sorted(own)) or "none"
        raise UnreachableError(f"connect to {host} port {port}: Connection refused (ports of {self._pod}: {ports})")

    def _pod_ports(self) -> set[int | None]:
        pods = [addresses for pod in self._store.objects(PODS) if (addresses := addresses_of(pod))]
        return {addresses.reach(port) for addresses in pods for port in addresses.app}

    def _service(self, host: str) -> Object:
        for service in self._store.objects(SERVICES):
            if host in _names(service, self._pod.namespace):
                return service
        names = ", ".join(f"{key.name}.{key.namespace}" for key in map(key_of, self._store.objects(SERVICES)))
        raise UnknownHostError(f"no Service is called {host!r} for a pod of {self._pod.namespace}; there are: {names}")

    def _endpoint(self, service: Object, port: Object) -> int:
        """Choose one of the ready pods, as kube-proxy does: at random, each time anew."""
        endpoints = self._store.find(ENDPOINTS, key_of(service)) or {}
        ports = [
            endpoint_port["port"]
            for subset in endpoints.get("subsets", [])
            if subset.get("addresses")
            for endpoint_port in subset["ports"]
            if endpoint_port.get("name") == port.get("name")
        ]
        if not ports:
            raise UnreachableError(f"no pod of Service {key_of(service)} is ready: Connection refused")
        chosen: int = random.choice(ports)  # noqa: S311 - spreading load is no secret
        return chosen


class NetworkProxy:
    """Serves a pod's network on a local port, as long as the context is open."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._server: asyncio.Server | None = None
        self._connections = Connections()

    async def start(self, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, port, limit=MAX_HEAD)

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        if self._server is not None:
            self._server.close()
        await self._connections.end()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._connections.serve(self._serve(reader, writer), writer, self.network)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await read_head(reader)
            if head is not None:
                await self._pass_on(head, reader, writer)
        except BadRequestError as error:
            await _say(writer, HTTPStatus.BAD_REQUEST, str(error))
        except UnreachableError as error:
            await _say(writer, HTTPStatus.BAD_GATEWAY, str(error), f"Proxy-Status: mesh; error={error.proxy_error}")

    async def _pass_on(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if head.method == "CONNECT":
            text = f"CONNECT {head.target} is refused: the local mesh passes on plain HTTP only, so say http://"
            return await _say(writer, HTTPStatus.NOT_IMPLEMENTED, text)
        hop = self.network.next_hop(head)
        head = replace(head, target=hop.target or head.target)
        server = await _connect(hop.place)
        server[1].write(head.to_proxy() if hop.is_proxy else head.to_server())
        return await relay((reader, writer), server)


async def _connect(place: Place) -> Stream:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await connect(place)
    except OSError as error:
        raise UnreachableError(f"connect to {place}: Connection refused") from error


async def _say(writer: asyncio.StreamWriter, status: HTTPStatus, text: str, *fields: str) -> None:
    writer.write(answer(status, text, *fields))
    await writer.drain()


def _names(service: Object, namespace: str) -> set[str]:
    """Return each name by which a pod in `namespace` finds a Service."""
    address = service["spec"].get("clusterIP")
    names = set(service_names(key_of(service), namespace))
    return names if address in (None, "", "None") else names | {address}
