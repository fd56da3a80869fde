"""The heartbeat of a level-triggered controller."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from localmesh.core.objects import Object, key_of
from localmesh.store.objects import Store

logger = logging.getLogger(__name__)

Reconcile = Callable[[], float | None]
"""Looks at everything, acts on the difference; returns in how many seconds time alone would change the answer."""


async def keep(store: Store, reconcile: Reconcile) -> None:
    """Reconcile at once, after changes, and when time has come; until cancelled."""
    with store.signal() as changed:
        while True:
            changed.clear()
            due = reconcile()
            try:
                async with asyncio.timeout(due):
                    await changed.wait()
            except TimeoutError:
                continue


def reconcile_each(objects: Iterable[Object], act: Callable[[Object], float | None]) -> float | None:
    """Act on each object and return when the first of them is due again.

    One object that cannot be reconciled is logged and does not hold up the others, as in a controller's work queue.
    """
    return soonest([_guarded(act, obj) for obj in objects])


def soonest(due: Iterable[float | None]) -> float | None:
    """Return the smallest of some times in seconds, None when there are none."""
    return min((seconds for seconds in due if seconds is not None), default=None)


def _guarded(act: Callable[[Object], float | None], obj: Object) -> float | None:
    try:
        return act(obj)
    except Exception:
        logger.exception("cannot reconcile %s %s", obj["kind"], key_of(obj))
        return None
