import asyncio
import math
import random
from itertools import pairwise

import pytest

from services.catalog.faults import ConnectionDropError, Fault, Faults, StatusFaultError
from services.catalog.models import FaultOrder

SIGMAS = 5
"""A bound that a right implementation misses once in two million."""


async def hits(faults: Faults, requests: int) -> list[bool]:
    """For each of `requests`, whether it got an error."""

    async def is_hit() -> bool:
        try:
            await faults.strike()
        except (ConnectionDropError, StatusFaultError):
            return True
        return False

    return [await is_hit() for _ in range(requests)]


def bound(share: float, requests: int) -> float:
    return SIGMAS * math.sqrt(requests * share * (1 - share))


def order(fault_type: str, percentage: float = 100, **more: object) -> FaultOrder:
    return FaultOrder.model_validate({"active": True, "type": fault_type, "percentage": percentage, **more})


@pytest.mark.parametrize("fault_type", ["500", "drop"])
@pytest.mark.parametrize(("percentage", "expected"), [(0, 0), (100, 2000)])
async def test_no_percent_never_hits_and_a_hundred_always_does(
    fault_type: str, percentage: float, expected: int
) -> None:
    faults = Faults(seed=3)
    faults.set(order(fault_type, percentage))
    assert sum(await hits(faults, 2000)) == expected


class LowestDraw(random.Random):
    """Draws what comes up once in 2**53 times."""

    def random(self) -> float:
        return 0.0


def test_no_percent_does_not_hit_even_on_the_lowest_draw_that_there_is() -> None:
    assert [Fault(order("500", share)).draw(LowestDraw()) for share in (0, 0.001)] == [False, True]


@pytest.mark.parametrize("percentage", [0.5, 1, 10, 50, 99, *(random.Random(7).uniform(0, 100) for _ in range(8))])
async def test_the_share_of_hits_is_the_percentage(percentage: float) -> None:
    faults, requests, share = Faults(seed=11), 4000, percentage / 100
    faults.set(order("503", percentage))
    assert abs(sum(await hits(faults, requests)) - requests * share) <= bound(share, requests)


async def test_each_draw_is_independent_of_the_one_before() -> None:
    faults, requests = Faults(seed=5), 8000
    faults.set(order("500", 50))
    drawn = await hits(faults, requests)
    repeats = sum(one == other for one, other in pairwise(drawn))
    assert abs(repeats - requests / 2) <= bound(0.5, requests)


async def test_a_seed_repeats_the_draws() -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed=42)
        faults.set(order("500", 50))
        runs.append(await hits(faults, 100))
    assert runs[0] == runs[1]


async def test_drop_comes_before_status_and_a_status_counts_what_is_left() -> None:
    faults, requests = Faults(seed=2), 4000
    faults.set(order("500", 50))
    faults.set(order("drop", 50))
    await hits(faults, requests)
    drop, status = faults.reports()["drop"], faults.reports()["500"]
    assert drop.seen == requests
    assert status.seen == requests - drop.hit
    assert abs(status.hit - status.seen / 2) <= bound(0.5, status.seen)


async def test_of_two_statuses_that_both_hit_the_lower_one_is_answered() -> None:
    faults = Faults()
    faults.set(order("503"))
    faults.set(order("429"))
    with pytest.raises(StatusFaultError) as fault:
        await faults.strike()
    assert fault.value.status == 429


class Naps(list[float]):
    """The seconds that a fault slept; none of them passes."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


async def test_latency_comes_first_and_the_other_faults_still_hit() -> None:
    naps = Naps()
    faults = Faults(sleep=naps.sleep)
    faults.set(order("500"))
    faults.set(order("latency", latencyMs=1500))
    with pytest.raises(StatusFaultError):
        await faults.strike()
    assert naps == [1.5]


async def test_latency_lasts_a_second_unless_told_otherwise() -> None:
    naps = Naps()
    faults = Faults(sleep=naps.sleep)
    faults.set(order("latency"))
    await faults.strike()
    assert naps == [1.0]


async def test_volatile_latency_is_spread_evenly_up_to_the_limit() -> None:
    naps, requests = Naps(), 4000
    faults = Faults(seed=9, sleep=naps.sleep)
    faults.set(order("latency", latencyMs=1000, volatile=True))
    await hits(faults, requests)
    mean, deviation = sum(naps) / requests, 1 / math.sqrt(12 * requests)
    assert 0 <= min(naps) < 0.01
    assert 0.99 < max(naps) <= 1
    assert abs(mean - 0.5) <= SIGMAS * deviation


async def test_setting_a_fault_anew_replaces_it_and_its_counts() -> None:
    faults = Faults()
    faults.set(order("500", 100))
    await hits(faults, 3)
    faults.set(order("500", 0))
    assert (await hits(faults, 2), faults.reports()["500"].seen) == ([False, False], 2)
