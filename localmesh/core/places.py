"""Where something listens, and how it is reached."""

import asyncio

from localmesh.core.loopback import LOOPBACK

Place = int | str
"""Where something listens: a port on loopback, or the path of a Unix socket."""


async def connect(place: Place, limit: int = 64 * 1024) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a place; `limit` is of the reader's buffer, in bytes. Raises OSError."""
    if isinstance(place, str):
        return await asyncio.open_unix_connection(place, limit=limit)
    return await asyncio.open_connection(LOOPBACK, place, limit=limit)


def authority(place: Place) -> str:
    """Return how a URL calls a place; a socket has no name there."""
    return "localhost" if isinstance(place, str) else f"{LOOPBACK}:{place}"
