"""One HTTP connection: what uvicorn's own does, and two things that ASGI has no word for.

It can be cut off without an answer, and it can be asked to close after the answer in flight.
"""

from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

ABORT = "services.chassis.abort"
"""ASGI extension; its key ``now`` is a function that closes the connection at once."""


class DrainState(ServerState):
    """What the connections of one server share."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        """True once connections are to close after their next answer."""


class Connection(HttpToolsProtocol):
    """Reads requests from a socket, has the app answer them, and keeps the socket open in between."""

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Called by the parser: a request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """Called by the parser: method, path and headers are known."""
        super().on_headers_complete()
        if cast("DrainState", self.server_state).draining:
            self.close_after_answer()

    def close_after_answer(self) -> None:
        """Sends ``Connection: close`` with the answer in flight, so that the client does not use this connection again.

        An answer whose headers are out already is not followed by another one all the same: the server closes it.
        """
        if not self.idle:
            self.cycle.keep_alive = False


class NoAnswer(Response):
    """An answer that is none: closes the TCP connection without a byte.

    Raises:
        RuntimeError: the app is not served by this chassis, so the connection is out of reach.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Cuts the connection and waits until the server knows."""
        extension = scope.get("extensions", {}).get(ABORT)
        if extension is None:
            raise RuntimeError(f"a connection can only be dropped under a server with the ASGI extension {ABORT}")
        extension["now"]()
        # uvicorn would send a 500 to an app that returns without an answer while its connection seems open.
        while (await receive())["type"] != "http.disconnect":
            pass
