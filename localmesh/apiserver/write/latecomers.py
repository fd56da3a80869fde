"""Which Deployments are available; objects that are created once all are: what can wait leaves the cores to them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.resources import DEPLOYMENTS
from localmesh.store.objects import Store

PATIENCE_S = 30.0
"""Seconds after which what is still not available is waited for no longer."""


async def create_last(store: Store, create: Callable[[], None]) -> None:
    """Create something once each Deployment is available, or has not become so for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await _all_available(store)
    create()


async def tell_available(store: Store, tell: Callable[[Key], bool]) -> None:
    """Tell of each Deployment once it is available, until `tell` says that nobody listens any more."""
    told: set[Key] = set()
    async for _ in store.changed():
        for key in map(key_of, filter(_is_available, store.objects(DEPLOYMENTS))):
            if key not in told and not tell(key):
                return
            told.add(key)


async def _all_available(store: Store) -> None:
    async for _ in store.changed():
        if all(map(_is_available, store.objects(DEPLOYMENTS))):
            return


def _is_available(deployment: Object) -> bool:
    status = deployment.get("status", {})
    is_observed = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return is_observed and bool(status.get("availableReplicas", 0) >= deployment["spec"]["replicas"])
