"""The loops that turn what was applied into what there should be, each one level-triggered over the store."""

from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from localmesh.controllers.deployments import DeploymentController
from localmesh.controllers.endpoints import EndpointsController
from localmesh.controllers.garbage import GarbageCollector
from localmesh.controllers.loop import keep
from localmesh.controllers.namespaces import NamespaceController
from localmesh.controllers.replica_sets import ReplicaSetController
from localmesh.core.loops import Loops
from localmesh.store.objects import Store


class Controller(Protocol):
    """One loop's body."""

    def reconcile(self) -> float | None:
        """Look at everything, act on the difference; return in how many seconds time alone asks for another look."""


_ALL = (DeploymentController, ReplicaSetController, EndpointsController, NamespaceController, GarbageCollector)


class Controllers:
    """All controllers, running as long as the context is open."""

    def __init__(self, store: Store, loops: Loops) -> None:
        self._store = store
        self._loops = loops
        self._running = AsyncExitStack()

    @staticmethod
    def of(store: Store) -> list[Controller]:
        """Return the controllers of a store, not running."""
        return [controller(store) for controller in _ALL]

    async def __aenter__(self) -> Self:
        for controller in self.of(self._store):
            run = partial(keep, self._store, controller.reconcile)
            await self._running.enter_async_context(self._loops.kept(type(controller).__name__, run))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._running.aclose()
