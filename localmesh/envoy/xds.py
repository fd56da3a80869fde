"""Serves each Envoy the files of its folder by xDS over REST, where a request waits until there is something new.

Envoy could watch the files itself, but spends one inotify instance on each: a dozen for a sidecar, out of the 128 that
Linux allows a user, and it aborts when there are none left. Here it spends a connection.

The protocol: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "REST-JSON polling subscriptions".
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from localmesh.envoy.folder import Folder, Kind, read
from localmesh.envoy.resources import ReferenceKind, Resource

HOLD_S = 300
"""How long a request waits for news before it is told that there are none."""

RESEND_S = 0.25
"""How long a request without a version waits when the same was sent before and it is not known what became of it."""

CLUSTER = "xds"
"""The name under which an Envoy knows this server."""

_KINDS: Mapping[str, Kind] = {
    "/v3/discovery:clusters": "cds",
    "/v3/discovery:endpoints": "eds",
    "/v3/discovery:listeners": "lds",
    "/v3/discovery:routes": "rds",
}


def config_source() -> Resource:
    """Return the ConfigSource (envoy.config.core.v3) that leads here.

    No fetch timeout, as from istiod: Envoy waits for a first good version rather than serve without it.
    """
    return {
        "api_config_source": {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [CLUSTER],
            # A pause after each answer. The waiting is done here.
            "refresh_delay": "0.01s",
            "request_timeout": f"{2 * HOLD_S}s",
        },
        "initial_fetch_timeout": "0s",
        "resource_api_version": "V3",
    }


def from_server(kind: ReferenceKind, name: str) -> Resource:  # noqa: ARG001 - the same for each; see resources.Source
    """Return the source of what listeners and clusters refer to by name."""
    return config_source()


def static_cluster(port: int) -> Resource:
    """Return this server as a cluster (envoy.config.cluster.v3.Cluster) for a bootstrap."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": CLUSTER,
        "alt_stat_name": f"{CLUSTER};",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": endpoints},
    }


class XdsServer:
    """Answers the Envoys whose folders were opened; runs inside `async with`."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Feed] = {}
        self._connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self._feeds, self._connections), "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.close()

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def open(self, node_id: str, root: Path) -> Folder:
        """Return the folder from which the Envoy of a node id is served; one for all its starts."""
        if node_id not in self._feeds:
            self._feeds[node_id] = _Feed(root.absolute())
        return self._feeds[node_id].folder

    def close(self, root: Path) -> None:
        """Serve the Envoy of a folder no longer."""
        for node_id, feed in list(self._feeds.items()):
            if feed.folder.root == root.absolute():
                del self._feeds[node_id]


@dataclass(slots=True)
class _Sent:
    """What was last sent for a file."""

    version: str
    at: float
    """Seconds, on the loop's clock."""

    taken: bool = False
    """Whether Envoy has said since that it runs it."""


class _Feed:
    """What one Envoy is sent."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root, changed=self._notify)
        self._waiting: dict[tuple[Kind, str], set[asyncio.Event]] = defaultdict(set)
        self._sent: dict[tuple[Kind, str], _Sent] = {}
        self._connections = 0

    def connected(self) -> None:
        self._connections += 1

    def disconnected(self) -> None:
        """Forget what was sent once the last connection is gone: the next Envoy has nothing of it."""
        self._connections -= 1
        if not self._connections:
            self._sent.clear()

    async def news(self, kind: Kind, name: str, running: str) -> bytes | None:
        """Return a file's content as soon as it is worth sending, None when it was not for HOLD_S."""
        event = asyncio.Event()
        self._waiting[kind, name].add(event)
        try:
            async with asyncio.timeout(HOLD_S):
                while (content := self._worth_sending(kind, name, running)) is None:
                    # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes with an event.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(None if running else RESEND_S):
                            await event.wait()
                    event.clear()
                return content
        except TimeoutError:
            return None
        finally:
            self._waiting[kind, name].discard(event)

    def _notify(self, kind: Kind, name: str) -> None:
        """Have the requests that wait for a file look again."""
        for event in self._waiting[kind, name]:
            event.set()

    def _worth_sending(self, kind: Kind, name: str, running: str) -> bytes | None:
        """Return a file's content unless Envoy runs it or has refused it."""
        content = read(self.folder.path(kind, name))
        if content is None:
            return None
        version = json.loads(content)["version_info"]
        now, last = asyncio.get_running_loop().time(), self._sent.get((kind, name))
        if version == running:
            self._sent[kind, name] = _Sent(version, now, taken=True)
            return None
        if last and last.version == version and not (running == "" and self._can_repeat(kind, name, last, now)):
            return None
        self._sent[kind, name] = _Sent(version, now)
        return content

    def _can_repeat(self, kind: Kind, name: str, last: _Sent, now: float) -> bool:
        """Tell whether a request without a version may be sent what was sent before.

        It comes from a new cluster or listener that follows the file anew, or from one that has just refused it.
        """
        return last.taken or (now - last.at >= RESEND_S and not self.folder.is_refused(kind, name))


@dataclass(frozen=True, slots=True)
class _Request:
    """One DiscoveryRequest."""

    path: str
    body: Mapping[str, Any]

    @classmethod
    def parse(cls, data: bytes) -> "_Request | None":
        """Read a whole HTTP request, None while it is incomplete. Envoy sends one at a time, with its length."""
        head, end, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        if not end or len(body) < int(headers.get("content-length", 0)):
            return None
        return cls(lines[0].split()[1], json.loads(body))


class _Connection(asyncio.Protocol):
    """One connection from an Envoy: a request, its answer in good time, the next request."""

    def __init__(self, feeds: Mapping[str, _Feed], connections: "set[_Connection]") -> None:
        self._feeds = feeds
        self._connections = connections
        self._received = bytearray()
        self._feed: _Feed | None = None
        self._answer: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        self._connections.discard(self)
        if self._answer:
            self._answer.cancel()
        if self._feed:
            self._feed.disconnected()

    def data_received(self, data: bytes) -> None:
        self._received += data
        request = _Request.parse(bytes(self._received))
        if request:
            self._received.clear()
            self._answer = asyncio.create_task(self._respond(request))

    def close(self) -> None:
        self._transport.close()

    async def _respond(self, request: _Request) -> None:
        feed = self._feeds.get(request.body["node"]["id"])
        kind = _KINDS.get(request.path)
        if feed is None or kind is None:
            self._reply(HTTPStatus.NOT_FOUND)
            return
        if self._feed is None:
            self._feed = feed
            feed.connected()
        name = "".join(request.body.get("resource_names", ()))
        content = await feed.news(kind, name, request.body.get("version_info", ""))
        self._reply(HTTPStatus.OK if content else HTTPStatus.NOT_MODIFIED, content or b"")

    def _reply(self, status: HTTPStatus, content: bytes = b"") -> None:
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
        )
        self._transport.write(head.encode() + b"\r\n" + content)
