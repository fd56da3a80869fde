"""The loops that turn what was applied into what there should be, each one level-triggered over the store."""

import asyncio
from types import TracebackType
from typing import Self

from localmesh.apiserver.store import Store
from localmesh.controllers.deployments import DeploymentController
from localmesh.controllers.endpoints import EndpointsController
from localmesh.controllers.garbage import GarbageCollector
from localmesh.controllers.loop import keep
from localmesh.controllers.namespaces import NamespaceController
from localmesh.controllers.replica_sets import ReplicaSetController

_ALL = (DeploymentController, ReplicaSetController, EndpointsController, NamespaceController, GarbageCollector)


class Controllers:
    """All controllers, running as long as the context is open."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(keep(self._store, controller(self._store).reconcile), name=controller.__name__)
            for controller in _ALL
        ]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
