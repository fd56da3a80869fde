"""Namespaces: a ServiceAccount for each, and an orderly end."""

import time

from localmesh.controllers.loop import reconcile_each
from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS, RESOURCES, SERVICE_ACCOUNTS
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

LINGER = 1.0
"""Seconds between a namespace's deletion and that of its content.

`kubectl delete -f DIR` deletes the Namespace first and the rest right after: each object must still be there for it.
"""


class NamespaceController:
    """Gives a namespace what each has, and empties one that was deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since: dict[str, float] = {}
        """When each deleted namespace was first seen so, by uid, on the monotonic clock."""

    def reconcile(self) -> float | None:
        """Look at each namespace; return when the next deleted one is to be emptied."""
        return reconcile_each(self._store.objects(NAMESPACES), self._sync)

    def _sync(self, namespace: Object) -> float | None:
        if is_terminating(namespace):
            return self._end(namespace)
        name = namespace["metadata"]["name"]
        if namespace.get("status") != {"phase": "Active"}:
            self._store.modify(NAMESPACES, Key("", name), lambda draft: draft.update(status={"phase": "Active"}))
        if self._store.find(SERVICE_ACCOUNTS, Key(name, "default")) is None:
            self._store.create(SERVICE_ACCOUNTS, {"metadata": {"namespace": name, "name": "default"}})
        return None

    def _end(self, namespace: Object) -> float | None:
        name, uid = namespace["metadata"]["name"], namespace["metadata"]["uid"]
        left = self._since.setdefault(uid, time.monotonic()) + LINGER - time.monotonic()
        if left > 0:
            return left
        self._drain(name)
        if self._store.objects(PODS, name):
            return None  # the kubelet removes them, and that wakes this loop
        for event in self._store.objects(EVENTS, name):
            self._store.remove(EVENTS, key_of(event))
        self._store.remove(NAMESPACES, Key("", name))
        del self._since[uid]
        return None

    def _drain(self, name: str) -> None:
        for resource in RESOURCES:
            if resource.namespaced and resource is not EVENTS:
                for obj in self._store.objects(resource, name):
                    delete(self._store, resource, key_of(obj))
