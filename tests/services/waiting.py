"""Waiting for what another task or process does."""

import asyncio
from collections.abc import Awaitable, Callable

SECONDS = 30


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Returns when `condition` holds; raises TimeoutError when it does not for `SECONDS`."""
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is waited for sets no event here
            await asyncio.sleep(0.01)
