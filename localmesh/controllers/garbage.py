"""What nobody needs any more: objects whose owners are gone, and old events."""

import time

from localmesh.controllers.clock import age
from localmesh.controllers.loop import reconcile_each
from localmesh.core.objects import Object, key_of
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import EVENTS, RESOURCES
from localmesh.store.deletion import delete
from localmesh.store.objects import Store

EVENT_TTL = 3600.0
"""Seconds that an event is kept after it happened last: kube-apiserver's `--event-ttl`."""

PAUSE = 60.0
"""Seconds between two looks at all events: a mesh that runs for long has thousands of them, and changes often."""

_OWNERS_AND_OWNED = tuple(resource for resource in RESOURCES if resource is not EVENTS)
"""Events are neither: Kubernetes' collector ignores them, too."""


class GarbageCollector:
    """Deletes what was owned by objects that are no longer there (background propagation)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_look = 0.0
        """At events, on the monotonic clock."""

    def reconcile(self) -> float | None:
        """Look at everything; return when to look at events again."""
        self._collect_orphans()
        return self._expire_events()

    def _collect_orphans(self) -> None:
        living = {obj["metadata"]["uid"] for resource in _OWNERS_AND_OWNED for obj in self._store.objects(resource)}
        for resource in _OWNERS_AND_OWNED:
            for obj in self._store.objects(resource):
                owners = {owner["uid"] for owner in obj["metadata"].get("ownerReferences") or []}
                if owners and not owners & living and not is_terminating(obj):
                    delete(self._store, resource, key_of(obj))

    def _expire_events(self) -> float | None:
        left = self._next_look - time.monotonic()
        if left > 0:
            return left
        self._next_look = time.monotonic() + PAUSE
        return reconcile_each(self._store.objects(EVENTS), self._expire)

    def _expire(self, event: Object) -> float | None:
        left = EVENT_TTL - age(_last_seen(event))
        if left > 0:
            return left
        self._store.remove(EVENTS, key_of(event))
        return None


def _last_seen(event: Object) -> str | None:
    """Return when an event happened last: who writes one may leave out every time but that of its creation."""
    series = event.get("series") or {}
    times = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    seen: str | None = next(filter(None, times), event["metadata"].get("creationTimestamp"))
    return seen
