"""How an Envoy leaves without losing a request that it has taken."""

import asyncio
from collections.abc import Mapping

from localmesh.envoy.admin import Admin

POLL_S = 0.01
PARTING_S = 1.5
"""How long clients may keep connections on which nothing is asked: each is told with its next answer to close it.

One that asks in the very moment in which Envoy ends is not answered; on a busy machine half a second was too short.
"""

ACTIVE = r"http\..+\.downstream_(rq|cx)_active"


async def drain(admin: Admin) -> None:
    """Take no new connection, and return once all requests are answered. Raises AdminError."""
    # By itself the graceful drain stops nothing before the drain time (see bootstrap.DRAIN_S) is over.
    await admin.post("/drain_listeners?graceful&skip_exit")
    await admin.post("/drain_listeners")
    now = asyncio.get_running_loop().time
    parting = now() + PARTING_S
    while True:
        stats = await admin.stats(ACTIVE)
        if not _count(stats, "rq") and (now() > parting or not _count(stats, "cx")):
            return
        await asyncio.sleep(POLL_S)


def _count(stats: Mapping[str, str], what: str) -> int:
    """Return how many requests or connections are open, but for those that ask for the stats."""
    suffix = f".downstream_{what}_active"
    return sum(int(value) for name, value in stats.items() if name.endswith(suffix) and name != f"http.admin{suffix}")
