"""What every applied object has in common: an identity, metadata and an owner."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct

DocumentT = TypeVar("DocumentT")
"""A JSON document or a part of one."""

Object = dict[str, Any]
"""A Kubernetes object as JSON. Whoever got one from the store reads it and never changes it."""


class Key(Struct, frozen=True, order=True):
    """Names one object of one resource: `namespace` is "" for what lives in no namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def copied(document: DocumentT) -> DocumentT:
    """Return a copy of a JSON document; `copy.deepcopy`, which looks out for cycles, takes almost thrice as long."""
    return cast("DocumentT", _copied(document))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def key_of(obj: Mapping[str, Any]) -> Key:
    """Return the object's key."""
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the object's labels, {} when it has none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the object's annotations, {} when it has none."""
    return obj["metadata"].get("annotations") or {}


def controller_of(obj: Mapping[str, Any]) -> str | None:
    """Return the uid of the object that controls this one (ReplicaSet of a Pod …), if any."""
    owners = obj["metadata"].get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether each label of an equality selector is among the labels."""
    return selector.items() <= labels.items()
