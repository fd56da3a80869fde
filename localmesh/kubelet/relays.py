"""Connections that are passed on as they come, both ways."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connections:
    """What one server has accepted: each ends by itself, or all of them together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return how many are under way."""
        return len(self._tasks)

    async def serve(self, serving: Coroutine[Any, Any, None], writer: asyncio.StreamWriter, server: object) -> None:
        """Serve one in the task that asyncio has made for it; `server` is who to say broke."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await serving
        except asyncio.CancelledError:
            pass  # it is to end; of a handler that ends so, asyncio of Python 3.11 logs that it failed
        except OSError as error:
            logger.debug("a connection of %s broke: %s", server, error)
        finally:
            writer.close()

    async def end(self) -> None:
        """End those that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def relay(client: Stream, server: Stream) -> None:
    """Pass bytes on until the server has nothing more to say. Raises OSError when a connection breaks."""
    upload = asyncio.create_task(_copy(client[0], server[1]))
    try:
        await _copy(server[0], client[1])
    finally:
        upload.cancel()
        await asyncio.gather(upload, return_exceptions=True)
        server[1].close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
