"""The objects, their revisions and a log of changes: what etcd is in a cluster.

Everything happens on one event loop and each method is atomic. Objects that the store hands out are shared: readers
must not change them; writers hand in new ones.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from localmesh.core.objects import Key, Object, copied, key_of
from localmesh.kinds.resources import Resource

HISTORY = 4096
"""Changes that can still be replayed to a watcher; an older one must list anew (410 Expired)."""


class StoreError(Exception):
    """What the store refuses; each kind of refusal is a class of its own."""

    def __init__(self, resource: Resource, name: str) -> None:
        super().__init__(f"{resource.qualified} {name!r}")
        self.resource = resource
        self.name = name


class NotFoundError(StoreError):
    """There is no such object."""


class AlreadyExistsError(StoreError):
    """An object of that name is there."""


class ConflictError(StoreError):
    """The object was changed since the caller read it."""


class ExpiredError(Exception):
    """The log of changes does not reach back to the revision asked for."""


class Change(Struct, frozen=True):
    """One entry of the log."""

    revision: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    object: Object
    """The object after the change; for DELETED its last state, with the revision of the deletion."""

    previous: Object | None
    """The object before the change, None for ADDED."""


def now() -> str:
    """Return the time as Kubernetes writes it, RFC 3339 in whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All objects of all resources."""

    def __init__(self) -> None:
        self.revision = 1
        self._objects: dict[tuple[str, str], dict[Key, Object]] = {}
        self._log: deque[Change] = deque(maxlen=HISTORY)
        self._signals: set[asyncio.Event] = set()

    def fork(self) -> "Store":
        """Return a store with the same objects whose changes nobody sees: what a dry run writes to."""
        fork = Store()
        fork.revision = self.revision
        fork._objects = {table: dict(objects) for table, objects in self._objects.items()}
        return fork

    def get(self, resource: Resource, key: Key) -> Object:
        """Return an object. Raises NotFoundError."""
        obj = self.find(resource, key)
        if obj is None:
            raise NotFoundError(resource, key.name)
        return obj

    def find(self, resource: Resource, key: Key) -> Object | None:
        """Return an object, None if it is not there."""
        return self._table(resource).get(key)

    def objects(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return a resource's objects by namespace and name, of one namespace if one is named."""
        table = self._table(resource)
        return [table[key] for key in sorted(table) if namespace in ("", key.namespace)]

    def create(self, resource: Resource, obj: Object) -> Object:
        """Store a new object with uid, creation time, generation and revision. Raises AlreadyExistsError."""
        key = key_of(obj)
        if key in self._table(resource):
            raise AlreadyExistsError(resource, key.name)
        metadata = {**obj["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": now(), "generation": 1}
        return self._commit("ADDED", resource, {**obj, "metadata": metadata}, None)

    def update(self, resource: Resource, obj: Object) -> Object:
        """Replace an object; the same content makes no new revision, another spec a new generation.

        A `metadata.resourceVersion` in it must be the current one. Raises NotFoundError, ConflictError.
        """
        current = self.get(resource, key_of(obj))
        expected = obj["metadata"].get("resourceVersion")
        if expected and expected != current["metadata"]["resourceVersion"]:
            raise ConflictError(resource, current["metadata"]["name"])
        metadata = {**obj["metadata"], **_server_set(current["metadata"])}
        if obj.get("spec") != current.get("spec"):
            metadata["generation"] += 1
        updated = {**_typed(resource, obj), "metadata": metadata}
        return current if updated == current else self._commit("MODIFIED", resource, updated, current)

    def modify(self, resource: Resource, key: Key, change: Callable[[Object], None]) -> Object:
        """Let `change` edit a copy of the object in place, and store it. Raises NotFoundError."""
        draft = copied(self.get(resource, key))
        change(draft)
        return self.update(resource, draft)

    def remove(self, resource: Resource, key: Key) -> Object:
        """Take an object away for good and return its last state. Raises NotFoundError.

        A graceful deletion is a mark (`metadata.deletionTimestamp`) that whoever owns the object acts on.
        """
        gone = self.get(resource, key)
        del self._table(resource)[key]
        self.revision += 1
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.revision)}}
        self._publish(Change(self.revision, "DELETED", resource, last, gone))
        return gone

    def changes_since(self, revision: int) -> list[Change]:
        """Return the changes after a revision, oldest first.

        Raises ExpiredError, also for a revision that is yet to come: it is from another mesh, before a restart.
        """
        oldest = self._log[0].revision if self._log else self.revision + 1
        if not oldest - 1 <= revision <= self.revision:
            raise ExpiredError(revision)
        return [change for change in self._log if change.revision > revision]

    @contextmanager
    def signal(self) -> Iterator[asyncio.Event]:
        """Hand out an event that is set by every change; the holder clears it before it looks."""
        event = asyncio.Event()
        self._signals.add(event)
        try:
            yield event
        finally:
            self._signals.discard(event)

    async def changed(self) -> AsyncIterator[None]:
        """Yield at once and then after changes, many at a time: the heartbeat of a level-triggered loop."""
        with self.signal() as event:
            event.set()
            while True:
                await event.wait()
                event.clear()
                yield

    def _table(self, resource: Resource) -> dict[Key, Object]:
        return self._objects.setdefault((resource.group, resource.plural), {})

    def _commit(
        self, type_: Literal["ADDED", "MODIFIED"], resource: Resource, obj: Object, previous: Object | None
    ) -> Object:
        self.revision += 1
        stored = {**_typed(resource, obj), "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        self._table(resource)[key_of(stored)] = stored
        self._publish(Change(self.revision, type_, resource, stored, previous))
        return stored

    def _publish(self, change: Change) -> None:
        self._log.append(change)
        for event in self._signals:
            event.set()


def _typed(resource: Resource, obj: Object) -> Object:
    """Return the object as the resource's preferred version: one store serves all versions."""
    return {"apiVersion": resource.api_version(), "kind": resource.kind} | {
        name: value for name, value in obj.items() if name not in ("apiVersion", "kind")
    }


def _server_set(metadata: Object) -> Object:
    """Return what only the server sets: no update changes it."""
    names = ("name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp")
    return {name: metadata[name] for name in names if name in metadata}
