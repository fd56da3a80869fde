"""`kubectl port-forward`: a SPDY session within a WebSocket, and one connection to the pod for each pair of streams.

For each connection kubectl opens an error stream and a data stream with the same `requestid`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable

from msgspec import Struct, field
from starlette.websockets import WebSocket, WebSocketDisconnect

from localmesh.apiserver.errors import bad_request
from localmesh.apiserver.http.streaming import messages
from localmesh.apiserver.runtime import Runtime, RuntimeRefusedError
from localmesh.apiserver.wire.spdy import Data, Frame, Ping, Reset, Session, SynStream
from localmesh.core.loops import observed
from localmesh.core.objects import Key
from localmesh.core.places import connect

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_CHUNK = 32 * 1024
_WAITING = 256
"""Messages of one connection that wait for a slow pod before all of the session waits with them."""


async def serve(websocket: WebSocket, runtime: Runtime, pod: Key, stopping: asyncio.Event) -> None:
    """Forward until the user goes or the door stops. Raises ApiError before accepting."""
    offered = websocket.scope["subprotocols"]
    if PROTOCOL not in offered:
        raise bad_request(f"port-forward speaks {PROTOCOL}, and was offered {', '.join(offered) or 'nothing'}")
    await websocket.accept(PROTOCOL)
    forwarder = _Forwarder(websocket, runtime, pod)
    reading = asyncio.create_task(forwarder.read())
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([reading, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        stopped.cancel()
        await forwarder.end()
    if reading.done() and not reading.cancelled():
        reading.result()
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close()


class _Connection(Struct):
    """One connection through the session."""

    port: int
    error_stream: int | None = None
    data_stream: int | None = None
    incoming: "asyncio.Queue[bytes | None]" = field(default_factory=lambda: asyncio.Queue(_WAITING))
    """What kubectl sent; None is its end."""

    def forget(self) -> None:
        """Drop what nobody will take any more, so that whoever waits to add to it goes on."""
        while not self.incoming.empty():
            self.incoming.get_nowait()


class _Forwarder:
    def __init__(self, websocket: WebSocket, runtime: Runtime, pod: Key) -> None:
        self._websocket = websocket
        self._runtime = runtime
        self._pod = pod
        self._session = Session()
        self._connections: dict[str, _Connection] = {}
        self._by_data_stream: dict[int, tuple[_Connection, asyncio.Task[None]]] = {}

    async def read(self) -> None:
        """Take frames until the user goes."""
        async for message in messages(self._websocket):
            for frame in self._session.feed(message):
                await self._take(frame)

    async def end(self) -> None:
        """End all connections."""
        tasks = [task for _, task in self._by_data_stream.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, frame: Frame) -> None:
        match frame:
            case SynStream():
                await self._open(frame)
            case Data(stream, payload, fin) if stream in self._by_data_stream:
                connection, _ = self._by_data_stream[stream]
                if payload:
                    await connection.incoming.put(payload)
                if fin:
                    await connection.incoming.put(None)
            case Reset(stream) if stream in self._by_data_stream:
                self._by_data_stream[stream][1].cancel()
            case Ping(number):
                await self._send(Session.ping(number))

    async def _open(self, frame: SynStream) -> None:
        await self._send(self._session.reply(frame.stream))
        request = frame.headers.get("requestid", "")
        connection = self._connections.setdefault(request, _Connection(int(frame.headers.get("port", "0"))))
        if frame.headers.get("streamtype") == "error":
            connection.error_stream = frame.stream
        else:
            connection.data_stream = frame.stream
        if connection.error_stream is not None and connection.data_stream is not None:
            del self._connections[request]
            self._start(connection, connection.data_stream, connection.error_stream)

    def _start(self, connection: _Connection, data_stream: int, error_stream: int) -> None:
        task = observed(self._forward(connection, data_stream, error_stream), f"a connection to {self._pod}")
        self._by_data_stream[data_stream] = (connection, task)
        task.add_done_callback(lambda _: self._ended(connection, data_stream))

    def _ended(self, connection: _Connection, data_stream: int) -> None:
        self._by_data_stream.pop(data_stream, None)
        connection.forget()

    async def _forward(self, connection: _Connection, data_stream: int, error_stream: int) -> None:
        """Carry one connection; what goes wrong is said on its error stream."""
        complaint = ""
        try:
            reader, writer = await connect(self._runtime.port(self._pod, connection.port))
            await self._carry(connection, reader, writer, data_stream)
        except (RuntimeRefusedError, OSError) as error:
            complaint = f"failed to connect to port {connection.port} in pod {self._pod}: {error}"
        await self._send(Session.data(data_stream, b"", fin=True))
        await self._send(Session.data(error_stream, complaint.encode(), fin=True))

    async def _carry(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: int
    ) -> None:
        upstream = asyncio.create_task(_drain(connection.incoming, writer))
        try:
            while data := await reader.read(_CHUNK):
                await self._send(Session.data(stream, data))
        finally:
            upstream.cancel()
            writer.close()
            await _quietly(upstream)
            await _quietly(writer.wait_closed())

    async def _send(self, frame: bytes) -> None:
        # The user may be gone; reading finds out.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.send_bytes(frame)


async def _drain(incoming: "asyncio.Queue[bytes | None]", writer: asyncio.StreamWriter) -> None:
    """Write to the pod what kubectl sends; once the pod takes no more, only take it from the queue."""
    while (data := await incoming.get()) is not None:
        if not writer.is_closing():
            with contextlib.suppress(OSError):
                writer.write(data)
                await writer.drain()
    if not writer.is_closing():
        writer.write_eof()


async def _quietly(ending: Awaitable[None]) -> None:
    """Wait for the end of what is no longer wanted, however it ends."""
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await ending
