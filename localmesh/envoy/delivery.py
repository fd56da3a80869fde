"""Keeps one Envoy at the newest configuration: endpoints at once, everything else push by push, the newest first."""

import asyncio
from collections.abc import Callable

from localmesh.envoy.admin import Admin
from localmesh.envoy.folder import Folder, endpoint_documents
from localmesh.envoy.push import Pusher, PushResult
from localmesh.envoy.resources import Resources

LINGER_S = 2.0
"""How long a cluster outlives the last route to it: a request that waits for its next try still finds it."""

RETRY_S = 3.0
"""How long until a configuration that did not get there is tried again: a port that was taken may be free by then."""


class Delivery:
    """Delivers configurations to one Envoy, whether it runs or not.

    Nothing happens before the first `submit`; after `close` nothing does any more.
    """

    def __init__(
        self,
        folder: Folder,
        admin: Admin,
        *,
        log: Callable[[], str],
        report: Callable[[PushResult], None] = lambda _: None,
        linger_s: float = LINGER_S,
        retry_s: float = RETRY_S,
    ) -> None:
        """Take where to deliver to.

        Args:
            folder: where that Envoy reads its configuration.
            admin: where it is asked what it runs.
            log: returns the latest piece of its log, in which it says why it refuses something.
            report: called with the result of each push that no newer one has overtaken; not when a retry ends alike.
            linger_s: seconds for which clusters stay that no route leads to any more.
            retry_s: seconds between attempts to deliver a configuration that did not get there.
        """
        self._folder = folder
        self._pusher = Pusher(folder, admin, log)
        self._report = report
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._wanted: Resources | None = None
        self._news = asyncio.Event()
        self._result: asyncio.Future[PushResult] | None = None
        self._task: asyncio.Task[None] | None = None

    def submit(self, wanted: Resources) -> None:
        """Have a configuration delivered; it overtakes any that waits. The one that is there already costs nothing.

        Endpoints are written before this returns: a pod that drains counts on Envoys to leave it alone, and what they
        are is a fact that no other document can make wrong.
        """
        if wanted == self._wanted:
            return
        self._folder.write(endpoint_documents(wanted))
        self._wanted = wanted
        if self._result is None or self._result.done():
            self._result = asyncio.get_running_loop().create_future()
        self._news.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._deliver())

    async def settled(self) -> PushResult:
        """Return the result of the newest configuration once there is one. Raises RuntimeError before any `submit`."""
        if self._result is None:
            raise RuntimeError("nothing was submitted")
        return await asyncio.shield(self._result)

    async def close(self) -> None:
        """Stop delivering; the files stay."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _deliver(self) -> None:
        """Push until the newest configuration is there and nothing is left of earlier ones."""
        while self._wanted is not None and self._news.is_set():
            self._news.clear()
            wanted = self._wanted
            result = await self._pusher.push(wanted)
            if self._news.is_set():
                continue
            self._tell(result)
            if result.outcome != "accepted":
                await self._news_within(self._retry_s)
                self._news.set()
            elif not await self._news_within(self._linger_s):
                await self._pusher.sweep(wanted, superseded=self._news.is_set)

    def _tell(self, result: PushResult) -> None:
        """Report a result, unless it is that of a retry and the same as before."""
        before = self._result.result() if self._result is not None and self._result.done() else None
        if self._result is None or before is not None:
            self._result = asyncio.get_running_loop().create_future()
        self._result.set_result(result)
        if str(result) != str(before):
            self._report(result)

    async def _news_within(self, seconds: float) -> bool:
        try:
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes with the news.
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True
