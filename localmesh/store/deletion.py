"""Deletion as an API server does it: pods and namespaces are marked and go when their owners are done with them."""

from datetime import UTC, datetime, timedelta

from localmesh.core.objects import Key, Object
from localmesh.kinds.kubernetes.defaults import DEFAULT_GRACE
from localmesh.kinds.resources import NAMESPACES, PODS, Resource
from localmesh.store.objects import Store, now

LONGEST_GRACE = 10 * 365 * 24 * 3600
"""Seconds: more of it has no date at its end, and is as good as none."""


def delete(store: Store, resource: Resource, key: Key, *, grace: int | None = None) -> Object:
    """Delete an object, gracefully where its kind knows grace, and return its last state.

    `grace` is in seconds, None for the pod's own. The kubelet removes a marked pod when its processes have ended, the
    namespace controller a marked namespace when it is empty. Raises NotFoundError.
    """
    if resource is PODS:
        return _delete_pod(store, key, grace)
    if resource is NAMESPACES:
        return store.modify(NAMESPACES, key, _terminate)
    return store.remove(resource, key)


def _delete_pod(store: Store, key: Key, grace: int | None) -> Object:
    pod = store.get(PODS, key)
    seconds = pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE) if grace is None else max(grace, 0)
    seconds = min(seconds, LONGEST_GRACE)
    left = pod["metadata"].get("deletionGracePeriodSeconds")
    if seconds == 0 or not pod["spec"].get("nodeName"):
        return store.remove(PODS, key)
    if left is not None and left <= seconds:
        return pod  # a second deletion may shorten the grace, never lengthen it
    return store.modify(PODS, key, lambda draft: _mark(draft, seconds))


def _mark(pod: Object, seconds: int) -> None:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    pod["metadata"].setdefault("deletionTimestamp", end.strftime("%Y-%m-%dT%H:%M:%SZ"))
    pod["metadata"]["deletionGracePeriodSeconds"] = seconds


def _terminate(namespace: Object) -> None:
    namespace["metadata"].setdefault("deletionTimestamp", now())
    namespace["status"] = {"phase": "Terminating"}
