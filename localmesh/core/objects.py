"""What every applied object has in common: an identity, metadata and an owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as JSON. Whoever got one from the store reads it and never changes it."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one object of one resource: `namespace` is "" for what lives in no namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def copied(document: Any) -> Any:
    """Return a copy of a JSON document; `copy.deepcopy`, which looks out for cycles, takes almost thrice as long."""
    if isinstance(document, dict):
        return {name: copied(value) for name, value in document.items()}
    return [copied(item) for item in document] if isinstance(document, list) else document


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
