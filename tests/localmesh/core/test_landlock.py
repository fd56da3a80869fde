import os
import subprocess
import sys

import pytest

from localmesh.core.landlock import scopes_signals

needs_landlock = pytest.mark.skipif(
    not scopes_signals(), reason="only Linux 6.12 and newer, with Landlock on, scopes signals"
)

CONFINED = """
import os, signal, subprocess, sys
from localmesh.core.landlock import confine_signals
assert confine_signals()
{}
"""


def confined(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CONFINED.format(program)], capture_output=True, text=True, check=False)


@needs_landlock
def test_who_is_confined_reaches_nobody_outside() -> None:
    done = confined(f"os.kill({os.getpid()}, 0)")
    assert "PermissionError" in done.stderr


@needs_landlock
def test_what_it_starts_is_confined_too_even_by_way_of_a_session_of_its_own() -> None:
    done = confined(
        f"sys.exit(subprocess.run(['sh', '-c', 'kill -0 {os.getpid()}'], start_new_session=True).returncode)"
    )
    assert done.returncode == 1
    assert "not permitted" in done.stderr


@needs_landlock
def test_it_signals_its_own_and_they_one_another() -> None:
    done = confined(
        "one = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "other = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "subprocess.run(['sh', '-c', f'kill {one.pid}'], check=True)\n"
        "os.killpg(other.pid, signal.SIGTERM)\n"
        "sys.exit(one.wait() - other.wait())"
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_landlock
def test_who_is_outside_may_still_end_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CONFINED.format("print(flush=True); signal.pause()")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        assert process.wait() == -15


def test_a_kernel_that_cannot_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localmesh.core.landlock._call", lambda *_: -1)
    assert not scopes_signals()


@needs_landlock
def test_a_kernel_that_could_and_refuses_is_no_error_and_said() -> None:
    # Linux stacks 16 rulesets on a process and refuses a further one (LANDLOCK_MAX_NUM_LAYERS).
    done = confined("for _ in range(15): assert confine_signals()\nprint(confine_signals())")
    assert (done.stdout, done.stderr) == ("False\n", "")
