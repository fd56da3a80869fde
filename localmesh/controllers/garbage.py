"""What nobody needs any more: objects whose owners are gone, and old events."""

from localmesh.controllers.clock import age
from localmesh.controllers.loop import soonest
from localmesh.core.objects import key_of
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import EVENTS, RESOURCES
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

EVENT_TTL = 3600.0
"""Seconds that an event is kept after it happened last: kube-apiserver's `--event-ttl`."""


class GarbageCollector:
    """Deletes what was owned by objects that are no longer there (background propagation)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self) -> float | None:
        """Look at everything; return when the next event expires."""
        self._collect_orphans()
        return self._expire_events()

    def _collect_orphans(self) -> None:
        living = {obj["metadata"]["uid"] for resource in RESOURCES for obj in self._store.objects(resource)}
        for resource in RESOURCES:
            for obj in self._store.objects(resource):
                owners = {owner["uid"] for owner in obj["metadata"].get("ownerReferences") or []}
                if owners and not owners & living and not is_terminating(obj):
                    delete(self._store, resource, key_of(obj))

    def _expire_events(self) -> float | None:
        left = {key_of(event): EVENT_TTL - age(_happened(event)) for event in self._store.objects(EVENTS)}
        for key, seconds in left.items():
            if seconds <= 0:
                self._store.remove(EVENTS, key)
        return soonest(seconds for seconds in left.values() if seconds > 0)


def _happened(event: dict[str, str]) -> str:
    return event["lastTimestamp"]
