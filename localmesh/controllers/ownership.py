"""Which objects belong to a controller: those that it made, and orphans that its selector finds."""

from localmesh.core.objects import Object, controller_of, key_of, labels_of, selects
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import Resource
from localmesh.store.objects import Store


def reference(owner: Object) -> Object:
    """Return the `ownerReferences` entry for what a controller makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selector_of(owner: Object) -> dict[str, str]:
    """Return the labels that a Deployment or ReplicaSet selects by."""
    labels: dict[str, str] = owner["spec"]["selector"]["matchLabels"]
    return labels


def claim(store: Store, owner: Object, resource: Resource) -> list[Object]:
    """Return the owner's objects of a resource, oldest first.

    Orphans with the right labels are adopted; what no longer has them is released and lives on by itself, which is how
    a pod is taken out of service to look at it.
    """
    uid = owner["metadata"]["uid"]
    mine = []
    for obj in store.objects(resource, owner["metadata"]["namespace"]):
        matches = selects(selector_of(owner), labels_of(obj))
        if controller_of(obj) == uid and matches:
            mine.append(obj)
        elif controller_of(obj) == uid:
            store.modify(resource, key_of(obj), lambda draft: _release(draft, uid))
        elif controller_of(obj) is None and matches and not is_terminating(obj):
            mine.append(store.modify(resource, key_of(obj), lambda draft: _adopt(draft, owner)))
    return sorted(mine, key=lambda obj: (obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]))


def _adopt(obj: Object, owner: Object) -> None:
    obj["metadata"]["ownerReferences"] = [*obj["metadata"].get("ownerReferences", []), reference(owner)]


def _release(obj: Object, uid: str) -> None:
    owners = obj["metadata"]["ownerReferences"]
    obj["metadata"]["ownerReferences"] = [owner for owner in owners if owner["uid"] != uid]
