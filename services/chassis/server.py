"""Starts an app on a socket of its own, and ends it without losing a request."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from services.chassis.connection import Connection, DrainState
from services.chassis.listener import listen, take_the_last
from services.chassis.probes import Readiness
from services.chassis.settings import ServiceSettings

KEEP_ALIVE_SECONDS = 3660
"""Idle connections outlive Envoy's own default, one hour: a request must not meet a connection that just closed."""
BACKLOG = 2048
"""Connections that the kernel may hold until they are accepted."""
LEAVE_SECONDS = 0.5
"""How long after the signal new connections are still taken: word that the process ends takes a while to spread."""
LINGER_SECONDS = 0.5
"""How long a connection without a request may stay after the last one was taken: a request may be on its way.

A request that is sent within this time after its connection was opened, or after the one before it, is never lost.
"""
_PAUSE_SECONDS = 0.02

log = logging.getLogger(__name__)


def serve(app: FastAPI, settings: ServiceSettings, readiness: Readiness, service: str) -> None:
    """Serves `app` until SIGTERM or SIGINT, drains, and returns.

    Raises:
        SystemExit: the address can't be listened on; one line on stderr says why.
    """
    listener = listen(settings.host, settings.port, service)
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
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
    DrainingServer(config, listener, readiness).run(sockets=[listener])


class DrainingServer(uvicorn.Server):
    """uvicorn's server with an end in three steps.

    uvicorn closes its listener and every idle connection in the moment of the signal, which resets connections that
    the kernel holds for it and requests that are on their way. Here, (1) readiness turns false and each answer says
    ``Connection: close``, while new connections are still taken; (2) the listener closes once all that the kernel
    holds is taken; (3) connections without a request get a moment to bring one. Then uvicorn closes what is idle
    and waits for what is not.
    """

    def __init__(self, config: uvicorn.Config, listener: socket.socket, readiness: Readiness) -> None:
        super().__init__(config)
        self.server_state: DrainState = DrainState()
        self._listener = listener
        self._readiness = readiness

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on SIGTERM and SIGINT; the second SIGINT ends at once."""
        self._readiness.drain()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles the signals while serving.

        uvicorn's own raises them anew afterwards, which would end a drained process with 143 instead of 0.
        """
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains, then closes."""
        log.info("draining: %d connections are open", len(self.server_state.connections))
        self._announce()
        await self._until(lambda: False, LEAVE_SECONDS)
        await self._stop_listening()
        await self._until(lambda: not any(connection.idle for connection in self._connections()), LINGER_SECONDS)
        await super().shutdown(sockets)
        log.info("drained")

    def _connections(self) -> list[Connection]:
        return [cast("Connection", connection) for connection in self.server_state.connections]

    def _announce(self) -> None:
        self.server_state.draining = True
        for connection in self._connections():
            connection.close_after_answer()

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Waits for `done`, for about `seconds`; looks only after a first pause, in which new connections show.

        It counts rounds of the event loop and not the clock: on a machine that is too busy to run this process, time
        goes by in which it reads nothing.
        """
        for _ in range(round(seconds / _PAUSE_SECONDS)):
            await asyncio.sleep(_PAUSE_SECONDS)
            if done() or self.force_exit:
                return

    async def _stop_listening(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        # No await until the listener is closed: the fewer connections come in between, the better.
        waiting = list(take_the_last(self._listener))
        for server in self.servers:
            server.close()
        for accepted in waiting:
            await loop.connect_accepted_socket(self._connection, accepted)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)
