"""What the versions that fail on purpose do to a request."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from services.bookinfo.ratings.settings import Version
from services.bookinfo.refusals import RefusalError

DELAY_SECONDS = 7.0
"""More than productpage waits, less than reviews v2 does."""
PERIOD_SECONDS = {"v-unavailable": 60.0, "v-unhealthy": 900.0}
"""How long these two are well, and then how long they are not."""


class Faults:
    """The faults of one process.

    Args:
        version: Which version it is.
        seed: Makes the draws repeatable; None draws at random.
        sleep: Waits for so many seconds.
        clock: Seconds since some moment.
    """

    def __init__(
        self,
        version: Version,
        seed: int | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        self._rng = random.Random(seed)  # noqa: S311 - a dice, no secret
        self._sleep = sleep
        self._clock = clock
        self._started = clock()

    @property
    def healthy(self) -> bool:
        """What ``/health`` is to say."""
        return not (self._version == "v-unhealthy" and self._down)

    async def strike(self) -> None:
        """Does to one request for ratings what this version does.

        Raises:
            RefusalError: it is to fail.
        """
        if self._version == "v-delayed" and self._half():
            await self._sleep(DELAY_SECONDS)
        if self._down or (self._version == "v-faulty" and self._half()):
            raise RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, "Service unavailable")

    @property
    def _down(self) -> bool:
        period = PERIOD_SECONDS.get(self._version)
        return period is not None and (self._clock() - self._started) // period % 2 == 1

    def _half(self) -> bool:
        return self._rng.random() < 0.5  # noqa: PLR2004 - a half
