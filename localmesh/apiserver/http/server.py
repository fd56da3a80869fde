"""The door itself: a TLS server on loopback, from the first request to the last."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import uvicorn

from localmesh.apiserver.http.app import Page, create_app
from localmesh.apiserver.http.certificates import Credentials
from localmesh.apiserver.http.connections import PodConnections
from localmesh.apiserver.http.objects import Objects
from localmesh.apiserver.runtime import Runtime
from localmesh.apiserver.write.registry import Registry
from localmesh.core.loops import Loops
from localmesh.store.objects import Store

_LAST_WORDS_S = 0.1
_PATIENCE_S = 2


class PortTakenError(Exception):
    """The door's port belongs to somebody else."""


class Door:
    """Serves a store's objects and a runtime's pods to kubectl, from `async with` on until its end."""

    def __init__(
        self, store: Store, runtime: Runtime, loops: Loops, credentials: Credentials, *, host: str, port: int
    ) -> None:
        """Take what is served, who is told when it ends, whom to let in, and where (port 0: any free one)."""
        self._loops = loops
        self._host = host
        self._port = port
        self._credentials = credentials
        self._stopping = asyncio.Event()
        self.registry = Registry(store, runtime.missing_image)
        """Writes with defaults and admission, for whoever in this process applies manifests."""

        self.pages: dict[str, Page] = {}
        """Further documents by the last part of their path, /debug/…, for `kubectl get --raw`."""

        objects = Objects(store, self.registry, self._stopping)
        app = create_app(objects, PodConnections(store, runtime, self._stopping), self.pages)
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="wsproto",  # the one that takes port-forward's subprotocol, whose "/" is no token
                ws_per_message_deflate=False,
                ws_ping_timeout=None,  # who waits for a slow command or pager answers no ping meanwhile
                lifespan="off",
                log_config=None,
                log_level="error",  # kubectl's fallback to SPDY, which is refused, is no news
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_PATIENCE_S,
            )
        )

    @property
    def port(self) -> int:
        """The port, known once the door is open."""
        return self._port

    async def __aenter__(self) -> Self:
        """Open the door. Raises PortTakenError."""
        listener = self._listen()
        self._port = listener.getsockname()[1]
        self._server.config.load()
        self._server.config.ssl = self._credentials.server
        self._serving = self._loops.vital("the API server", self._server.serve([listener]))
        await self._server.until_started(self._serving)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # uvicorn would wait for watches, logs and exec to end by themselves, and close WebSockets under their feet.
        self._stopping.set()
        self._loops.relieve(self._serving)
        await asyncio.sleep(_LAST_WORDS_S)
        self._server.should_exit = True
        await self._serving

    def _listen(self) -> socket.socket:
        # With the protocol named, asyncio sets TCP_NODELAY: without it each answer takes 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
            message = (
                f"port {self._port} on {self._host}, for kubectl, is taken: end what listens there or name another"
            )
            raise PortTakenError(message) from error
        return listener


class _Server(uvicorn.Server):
    """A server that lives in somebody else's loop: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def until_started(self, serving: "asyncio.Task[object]") -> None:
        """Wait for the first moment in which connections are taken. Raises what the start raised."""
        while not self.started:
            if serving.done():
                await serving
            await asyncio.sleep(0)
