"""Starts an app on a socket of its own, and ends it without losing a request."""

import asyncio
import logging
import signal
import socket
import sys
import time
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from services.chassis.connection import Connection
from services.chassis.probes import Readiness
from services.chassis.settings import ServiceSettings

KEEP_ALIVE_SECONDS = 3660
"""Idle connections outlive Envoy's own default, one hour: a request must not meet a connection that just closed."""
BACKLOG = 2048
"""Connections that the kernel may hold until they are accepted."""
LEAVE_SECONDS = 0.5
"""How long after the signal new connections are still taken: word that the process ends takes a while to spread."""
LINGER_SECONDS = 0.5
"""How long a connection without a request may stay after the last one was taken: a request may be on its way."""

_PAUSE_SECONDS = 0.02

log = logging.getLogger(__name__)


def listen(host: str, port: int, service: str) -> socket.socket:
    """A bound TCP socket.

    Its protocol number is spelt out because asyncio, where there is no uvloop, sets TCP_NODELAY only then; without, an
    answer in two writes waits for the peer's delayed acknowledgement, some 40 ms.

    Raises:
        SystemExit: the address can't be listened on; one line on stderr says why.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, _, _, address = found[0]
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        sys.exit(f"{service}: cannot listen on HOST={host} PORT={port}: {error.strerror or error}")
    return listener


def serve(app: FastAPI, settings: ServiceSettings, readiness: Readiness, service: str) -> float:
    """Serves `app` until SIGTERM or SIGINT, drains, and returns what is left of the seconds for that.

    Raises:
        SystemExit: the address can't be listened on; one line on stderr says why.
    """
    listener = listen(settings.host, settings.port, service)
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="auto",  # uvloop, where it is made for
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.drain_seconds,  # type: ignore[arg-type] # wait_for takes fractions too
        backlog=BACKLOG,
    )
    log.info("%s listens on %s:%s", service, *listener.getsockname()[:2])
    server = DrainingServer(config, readiness)
    server.run(sockets=[listener])
    return max(0.0, server.told + settings.drain_seconds - time.monotonic())


class DrainingServer(uvicorn.Server):
    """uvicorn's server with an end in three steps.

    uvicorn closes its listener and every idle connection in the moment of the signal, which resets requests that are
    on their way. Here, (1) readiness turns false and each answer says ``Connection: close``, while new connections are
    still taken; (2) the listener closes; (3) connections without a request get a moment to bring one. Then uvicorn
    closes what is idle and waits for what is not.
    """

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness
        self.told = 0.0
        """When the process was told to end, by the clock of `time.monotonic`."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Called on SIGTERM and SIGINT; the second SIGINT ends at once.

        uvicorn's own notes the signals and raises them anew in the end: a drained process would end with 143 and not 0.
        """
        self.told = self.told or time.monotonic()
        self._readiness.draining = True
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains, then closes."""
        connections = cast("set[Connection]", self.server_state.connections)
        log.info("draining: %d connections are open", len(connections))
        # For the requests that are yet to come; those that are here have the headers of their second.
        self.server_state.default_headers.append((b"connection", b"close"))
        for connection in connections:
            if not connection.idle:
                connection.shutdown()
        await self._for(LEAVE_SECONDS)
        for server in self.servers:
            server.close()
        if any(connection.idle for connection in connections):
            await self._for(LINGER_SECONDS)
        await super().shutdown(sockets)
        log.info("drained")

    async def _for(self, seconds: float) -> None:
        """Lets `seconds` go by, unless a second SIGINT comes.

        It counts rounds of the event loop and not the clock: on a machine that is too busy to run this process, time
        goes by in which it reads nothing.
        """
        for _ in range(round(seconds / _PAUSE_SECONDS)):
            if self.force_exit:
                return
            await asyncio.sleep(_PAUSE_SECONDS)
