"""The arithmetic of a rolling update, as in Kubernetes' deployment controller (`rolling.go`)."""

import math
from collections.abc import Sequence

from msgspec import Struct

from localmesh.core.objects import Object


class Size(Struct, frozen=True):
    """One ReplicaSet in numbers."""

    replicas: int
    available: int
    running: int = 0
    """Pods that there are, ready or not."""


class Bounds(Struct, frozen=True):
    """How far a rolling update may leave the wanted number of pods."""

    surge: int
    """Pods more than wanted."""

    unavailable: int
    """Pods fewer than wanted that are available."""

    @classmethod
    def of(cls, deployment: Object) -> "Bounds":
        """Return a Deployment's bounds: percentages round up for surge and down for unavailable, and one is not 0."""
        replicas = deployment["spec"]["replicas"]
        rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
        surge = math.ceil(_share(rolling.get("maxSurge", "25%"), replicas))
        unavailable = math.floor(_share(rolling.get("maxUnavailable", "25%"), replicas))
        return cls(surge, max(unavailable, 0 if surge else 1))


def roll(replicas: int, bounds: Bounds, new: Size, old: Sequence[Size]) -> tuple[int, list[int]]:
    """Return the next wanted sizes of the new ReplicaSet and of the old ones (oldest first).

    One step grows the new one or, when it cannot grow, shrinks the old ones.
    """
    total = new.replicas + sum(size.replicas for size in old)
    grown = min(replicas, new.replicas + max(0, replicas + bounds.surge - total))
    if grown != new.replicas:
        return grown, [size.replicas for size in old]
    return grown, _shrink(replicas - bounds.unavailable, new, old)


def _shrink(min_available: int, new: Size, old: Sequence[Size]) -> list[int]:
    """First drop old pods that serve nobody, then as many as the available ones allow."""
    total = new.replicas + sum(size.replicas for size in old)
    spare = max(0, total - min_available - max(0, new.replicas - new.available))
    sizes, available = [], [min(size.available, size.replicas) for size in old]
    for size, serving in zip(old, available, strict=True):
        dropped = min(spare, size.replicas - serving)
        spare -= dropped
        sizes.append(size.replicas - dropped)
    surplus = min(spare, max(0, new.available + sum(available) - min_available))
    for index, count in enumerate(sizes):
        dropped = min(surplus, count)
        surplus -= dropped
        sizes[index] = count - dropped
    return sizes


def _share(value: int | str, replicas: int) -> float:
    if isinstance(value, int):
        return value
    return float(value.removesuffix("%")) * replicas / 100
