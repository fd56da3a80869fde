"""Keeps one Envoy at the newest configuration: endpoints at once, everything else push by push, the newest first."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from localmesh.core.loops import ended, observed
from localmesh.envoy.channel import Channel
from localmesh.envoy.push import TIMEOUT_S, Pusher, PushResult, beside
from localmesh.envoy.resources import Configuration, ResourceType
from localmesh.envoy.stream import Stream

logger = logging.getLogger(__name__)

LINGER_S = 2.0
"""How long a cluster outlives the last route to it: a request that waits for its next try still finds it."""

RETRY_S = 3.0
"""How long until a configuration that did not get there is tried again: a port that was taken may be free by then."""

Sync = Literal["SYNCED", "STALE", "ERROR", "NOT SENT"]
"""istiod's words: taken; sent, but not taken yet; refused by Envoy; nothing sent, for it asked for nothing."""


class Delivery:
    """Delivers configurations to one Envoy, whether it runs or not.

    Nothing happens before the first `submit`; after `close` nothing does any more.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        report: Callable[[PushResult], None] = lambda _: None,
        linger_s: float = LINGER_S,
        retry_s: float = RETRY_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Take where to deliver to.

        Args:
            channel: leads to that Envoy.
            report: called with the result of each push that no newer one has overtaken; not when a retry ends alike.
            linger_s: seconds for which clusters stay that no route leads to any more.
            retry_s: seconds between attempts to deliver a configuration that did not get there.
            timeout_s: seconds that Envoy may take for one step of a push.
        """
        self._channel = channel
        self._pusher = Pusher(channel, timeout_s)
        self._report = report
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._configuration: Configuration = {}
        self._news = asyncio.Event()
        self._result: asyncio.Future[PushResult] | None = None
        self._task: asyncio.Task[None] | None = None
        channel.on_connect = self._news.set

    def submit(self, configuration: Configuration) -> None:
        """Have a configuration delivered; it overtakes any that waits. The one that is there already costs nothing.

        Endpoints are on their way before this returns: a pod that drains counts on Envoys to leave it alone, and what
        they are is a fact that nothing else can make wrong.
        """
        if configuration == self._configuration:
            return
        endpoints = ResourceType.ENDPOINT
        self._channel.serve(endpoints, beside(self._channel.served.get(endpoints, {}), configuration[endpoints]))
        self._configuration = configuration
        if self._result is None or self._result.done():
            self._result = asyncio.get_running_loop().create_future()
        self._news.set()
        if self._task is None:
            self._task = observed(self._deliver(), "a delivery")

    async def settled(self) -> PushResult:
        """Return the result of the newest configuration once there is one. Raises RuntimeError before any `submit`."""
        if self._result is None:
            raise RuntimeError("nothing was submitted")
        return await asyncio.shield(self._result)

    def sync(self) -> dict[str, Sync]:
        """Return how Envoy stands to what is wanted by discovery service, {} while it does not run."""
        stream = self._channel.stream
        return {type_.discovery: self._sync(type_, stream) for type_ in ResourceType} if stream else {}

    def _sync(self, type_: ResourceType, stream: Stream) -> Sync:
        sent = stream.sent(type_)
        if sent is None:
            return "NOT SENT"
        if any(refusal.type is type_ for refusal in self._pusher.refusals(self._configuration)):
            return "ERROR"
        resources = self._configuration.get(type_, {})
        current = all(
            resource.version == sent.get(name) for name, resource in resources.items() if stream.asks_for(type_, name)
        )
        return "SYNCED" if current and stream.is_settled(type_) else "STALE"

    async def close(self) -> None:
        """Stop delivering."""
        if self._task is not None:
            await ended(self._task)

    async def _deliver(self) -> None:
        """Push whenever there is news: another configuration, or an Envoy that starts."""
        is_retry = False
        while True:
            self._news.clear()
            try:
                is_retry = await self._deliver_once(is_retry=is_retry)
            except Exception:
                logger.exception("a delivery failed")
                is_retry = not await self._news_within(self._retry_s)

    async def _deliver_once(self, *, is_retry: bool) -> bool:
        """Push, and wait until there is something to push again; return whether it is the same once more."""
        configuration = self._configuration
        result = await (self._pusher.push_again if is_retry else self._pusher.push)(configuration)
        if self._news.is_set():
            return False
        self._tell(result)
        if result.outcome in ("refused", "timed out"):
            return not await self._news_within(self._retry_s)
        if result.outcome == "accepted" and not await self._news_within(self._linger_s):
            await self._pusher.sweep(configuration, superseded=self._news.is_set)
        await self._news.wait()
        return False

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
