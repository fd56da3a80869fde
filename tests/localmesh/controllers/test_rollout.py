import itertools
import random
from typing import Any

import pytest

from localmesh.controllers.rollout import Bounds, Size, roll


def deployment(replicas: int, **rolling: Any) -> dict[str, Any]:
    return {"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (1, "25%", "25%", Bounds(1, 0)),  # surge rounds up, unavailable down
        (4, "25%", "25%", Bounds(1, 1)),
        (3, "50%", "50%", Bounds(2, 1)),
        (2, 1, 0, Bounds(1, 0)),
        (1, 0, "25%", Bounds(0, 1)),  # both would be 0, and nothing could ever move
    ],
)
def test_bounds_round_as_in_kubernetes(replicas: int, surge: Any, unavailable: Any, expected: Bounds) -> None:
    assert Bounds.of(deployment(replicas, maxSurge=surge, maxUnavailable=unavailable)) == expected


def test_the_new_one_grows_before_an_old_one_shrinks() -> None:
    assert roll(2, Bounds(1, 0), Size(0, 0), [Size(2, 2)]) == (1, [2])
    assert roll(2, Bounds(1, 0), Size(1, 0), [Size(2, 2)]) == (1, [2])
    assert roll(2, Bounds(1, 0), Size(1, 1), [Size(2, 2)]) == (1, [1])


def test_old_pods_that_serve_nobody_go_first() -> None:
    assert roll(3, Bounds(1, 0), Size(1, 1), [Size(1, 0), Size(2, 2)]) == (1, [0, 2])


def test_fewer_replicas_shrink_the_new_one_too() -> None:
    assert roll(1, Bounds(1, 0), Size(3, 3), []) == (1, [])
    assert roll(0, Bounds(1, 0), Size(3, 3), [Size(1, 1)]) == (0, [1])
    assert roll(0, Bounds(1, 0), Size(0, 0), [Size(1, 1)]) == (0, [0])


@pytest.mark.parametrize("seed", range(40))
def test_a_rollout_ends_and_never_leaves_its_bounds(seed: int) -> None:
    chance = random.Random(seed)
    replicas = chance.randint(1, 9)
    surge = chance.randint(0, 3)
    bounds = Bounds(surge, chance.randint(0 if surge else 1, 3))
    new, old = Size(0, 0), [Size(replicas, replicas)]
    for _ in range(200):
        grown, shrunk = roll(replicas, bounds, new, old)
        assert grown + sum(shrunk) <= replicas + bounds.surge
        # A pod gets ready some steps after it was asked for; old ones serve until they are told to end.
        new = Size(grown, min(grown, new.available + chance.randint(0, 1)))
        old = [Size(size, min(size, before.available)) for size, before in zip(shrunk, old, strict=True)]
        assert new.available + sum(size.available for size in old) >= replicas - bounds.unavailable
        if (new.replicas, new.available, old[0].replicas) == (replicas, replicas, 0):
            return
    pytest.fail(f"not over after 200 steps: {new}, {old}")


def test_each_step_moves_or_waits_for_pods() -> None:
    steps = itertools.accumulate(range(3), lambda new, _: roll(3, Bounds(1, 0), Size(new, new), [Size(0, 0)])[0])
    assert list(steps) == [0, 3, 3]
