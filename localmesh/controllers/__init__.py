"""The loops that turn what was applied into what there should be, each one level-triggered over the store."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from localmesh.controllers.deployments import DeploymentController
from localmesh.controllers.endpoints import EndpointsController
from localmesh.controllers.garbage import GarbageCollector
from localmesh.controllers.loop import keep
from localmesh.controllers.namespaces import NamespaceController
from localmesh.controllers.replica_sets import ReplicaSetController
from localmesh.store.objects import Store


class Controller(Protocol):
    """One loop's body."""

    def reconcile(self) -> float | None:
        """Look at everything, act on the difference; return in how many seconds time alone asks for another look."""


_ALL = (DeploymentController, ReplicaSetController, EndpointsController, NamespaceController, GarbageCollector)


class Controllers:
    """All controllers, running as long as the context is open."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: list[asyncio.Task[None]] = []

    @staticmethod
    def of(store: Store) -> list[Controller]:
        """Return the controllers of a store, not running."""
        return [controller(store) for controller in _ALL]

    async def __aenter__(self) -> Self:
        for controller in self.of(self._store):
            name = type(controller).__name__
            self._tasks.append(asyncio.create_task(keep(self._store, controller.reconcile), name=name))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
