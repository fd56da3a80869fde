"""The arithmetic of a rolling update, as in Kubernetes' deployment controller (`rolling.go`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from localmesh.core.objects import Object


@dataclass(frozen=True, slots=True)
class Size:
    """One ReplicaSet in numbers."""

    wanted: int
    available: int
    running: int = 0
    """Pods that there are, ready or not."""


@dataclass(frozen=True, slots=True)
class Bounds:
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
    total = new.wanted + sum(size.wanted for size in old)
    grown = min(replicas, new.wanted + max(0, replicas + bounds.surge - total))
    if grown != new.wanted:
        return grown, [size.wanted for size in old]
    return grown, _shrink(replicas - bounds.unavailable, new, old)


def _shrink(min_available: int, new: Size, old: Sequence[Size]) -> list[int]:
    """First drop old pods that serve nobody, then as many as the available ones allow."""
    total = new.wanted + sum(size.wanted for size in old)
    spare = max(0, total - min_available - max(0, new.wanted - new.available))
    sizes, available = [], [min(size.available, size.wanted) for size in old]
    for size, serving in zip(old, available, strict=True):
        dropped = min(spare, size.wanted - serving)
        spare -= dropped
        sizes.append(size.wanted - dropped)
    surplus = min(spare, max(0, new.available + sum(available) - min_available))
    for index, wanted in enumerate(sizes):
        dropped = min(surplus, wanted)
        surplus -= dropped
        sizes[index] = wanted - dropped
    return sizes


def _share(value: int | str, replicas: int) -> float:
    if isinstance(value, int):
        return value
    return float(value.removesuffix("%")) * replicas / 100
