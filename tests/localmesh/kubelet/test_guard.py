import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localmesh.kubelet.children import spawn
from localmesh.kubelet.guard import Guard
from localmesh.kubelet.signal_scope import SignalScope

from .conftest import is_alive

# A supervisor that runs one obedient process and one that has to be killed, tells who they are, and hangs.
SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from localmesh.kubelet.children import spawn
from localmesh.kubelet.guard import Guard
from localmesh.kubelet.signal_scope import SignalScope

async def main():
    with Guard(grace=0.5) as guard:
        for script in ("exec sleep 600", "trap '' TERM; while :; do sleep 0.1; done"):
            environment, scope = {"PATH": "/bin:/usr/bin"}, SignalScope()
            child = spawn(["sh", "-c", script], environment=environment, folder=Path("/"), guard=guard, scope=scope)
            print(child.pid)
        print(guard.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_nothing_is_left_behind_when_the_supervisor_is_killed() -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    processes = [int(supervisor.stdout.readline()) for _ in range(3)]
    assert all(is_alive(process) for process in processes)
    supervisor.kill()
    supervisor.communicate()
    end = time.monotonic() + 5
    while any(is_alive(process) for process in processes) and time.monotonic() < end:
        time.sleep(0.05)
    assert [process for process in processes if is_alive(process)] == []


def test_the_guard_ends_with_its_supervisor_and_not_before() -> None:
    with Guard() as guarding:
        pid = guarding.pid
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
        time.sleep(0.1)
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_a_process_that_ended_is_none_of_the_guard_s_business_any_more(tmp_path: Path) -> None:
    told: list[str] = []

    class Listening(Guard):
        def _tell(self, line: str) -> None:
            told.append(line)

    environment, scope = {"PATH": "/bin:/usr/bin"}, SignalScope()
    child = spawn(["true"], environment=environment, folder=tmp_path, guard=Listening(), scope=scope)
    assert await child.wait() == 0
    assert told == [f"+{child.pid}\n", f"-{child.pid}\n"]


def test_another_guard_takes_the_place_of_one_that_was_killed(caplog: pytest.LogCaptureFixture) -> None:
    first, second = (subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2))
    with Guard(grace=0.0) as guard:
        guard.began(first.pid)
        killed = guard.pid
        os.kill(killed, signal.SIGKILL)
        os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
        guard.began(second.pid)
        assert guard.pid != killed
    assert {first.wait(), second.wait()} <= {-signal.SIGTERM, -signal.SIGKILL}
    assert caplog.text.count("there is another one now") == 1
