"""What has no end of its own: watches, followed logs, and the messages of a WebSocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from localmesh.core.loops import ended


class StreamedResponse:
    """A response of chunks, ended by its source, by the client, or by the door's stop.

    The head goes out with the first chunk (b"" sends it alone), so that a source that fails at once can still be
    answered with an error.
    """

    def __init__(self, chunks: AsyncIterator[bytes], media_type: str, stopping: asyncio.Event) -> None:
        self._chunks = chunks
        self._media_type = media_type
        self._stopping = stopping
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the response (ASGI)."""
        del scope
        source = asyncio.create_task(self._send_chunks(send))
        ends = [asyncio.create_task(self._stopping.wait()), asyncio.create_task(_disconnected(receive))]
        try:
            await asyncio.wait([source, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            source.cancel()
            for task in ends:
                await ended(task)
        with contextlib.suppress(asyncio.CancelledError):
            await source
        await self._begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_chunks(self, send: Send) -> None:
        async for chunk in self._chunks:
            await self._begin(send)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _begin(self, send: Send) -> None:
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", self._media_type.encode()), (b"cache-control", b"no-cache")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def messages(websocket: WebSocket) -> AsyncIterator[bytes]:
    """Yield a WebSocket's messages until the other side has gone; Kubernetes' Python client sends texts as such."""
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        if data := message.get("bytes") or (message.get("text") or "").encode():
            yield data
