import asyncio
import logging

import pytest

from localmesh.core import loops as module
from localmesh.core.errors import LoopTrouble, MeshError
from localmesh.core.loops import Loops, observed


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY", 0.0)


async def test_a_loop_that_dies_is_logged_counted_told_and_started_anew(caplog: pytest.LogCaptureFixture) -> None:
    loops, runs, told, alive = Loops(), [], [], asyncio.Event()
    loops.changed = lambda: told.append(dict(loops.troubles))

    async def run() -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise KeyError("lastTimestamp")
        alive.set()
        await asyncio.Event().wait()

    async with loops.kept("garbage", run), asyncio.timeout(5):
        await alive.wait()
    assert runs == [0, 1, 2]
    assert [each["garbage"].restarts for each in told] == [1, 2]
    assert loops.troubles == {"garbage": LoopTrouble(2, "KeyError: 'lastTimestamp'")}
    assert caplog.text.count("loop garbage died") == 2
    assert "Traceback" in caplog.text


async def test_a_loop_that_simply_ends_is_started_anew_too() -> None:
    loops, runs, enough = Loops(), [], asyncio.Event()

    async def run() -> None:
        runs.append(1)
        if len(runs) == 2:
            enough.set()

    async with loops.kept("short", run), asyncio.timeout(5):
        await enough.wait()
    assert loops.troubles["short"].cause == "RuntimeError: it came to an end, which it has not"


async def test_each_death_in_a_row_makes_the_next_start_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY", 0.1)
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)
        if len(delays) >= 12:
            raise asyncio.CancelledError

    async def run() -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module, "_sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await Loops()._keep("disk", run)
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]


async def test_what_is_vital_ends_the_mesh_with_its_cause() -> None:
    loops = Loops()

    async def door() -> None:
        raise OSError("too many open files")

    loops.vital("the API server", door())
    with pytest.raises(MeshError, match="cannot go on: the API server ended: OSError: too many open files"):
        await asyncio.wait_for(loops.until(asyncio.Event()), 5)


async def test_what_is_vital_may_not_end_in_peace_either_unless_it_was_asked_to() -> None:
    asked, loops = asyncio.Event(), Loops()
    relieved = loops.vital("one", asked.wait())
    loops.relieve(relieved)
    asked.set()
    await relieved
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(loops.until(stop), 5)
    loops.vital("another", asyncio.sleep(0))
    with pytest.raises(MeshError, match="another ended: nobody had asked it to"):
        await asyncio.wait_for(loops.until(asyncio.Event()), 5)


async def test_a_task_that_nobody_waits_for_is_logged_when_it_dies(caplog: pytest.LogCaptureFixture) -> None:
    async def die() -> None:
        raise ValueError("no such thing")

    task = observed(die(), "the follower")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert [(record.levelno, record.message) for record in caplog.records] == [(logging.ERROR, "the follower died")]
