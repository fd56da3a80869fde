"""`mesh down`: drain and end everything that `mesh up` started."""

import argparse
import contextlib
import os
import signal
import time

from localmesh.core.errors import MeshError
from localmesh.home import Home, RunningMesh

PATIENCE_S = 60
"""Longer than the longest grace period of the project's own pods."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh down`."""
    parser = commands.add_parser("down", help="drain and end everything")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """End the mesh; one that does not run is no error."""
    home, began = Home.default(), time.monotonic()
    running = _who_runs(home)
    if running is None:
        home.tidy()
        print("no mesh runs in this checkout")
        return 0
    print(f"draining the pods and ending the mesh (pid {running.pid}) …", flush=True)
    _signal(running.pid, signal.SIGTERM)
    if not _ended(home, PATIENCE_S):
        print(f"it did not end within {PATIENCE_S} s: killing it", flush=True)
        _signal(running.pid, signal.SIGKILL)
        if not _ended(home, 10):
            raise MeshError(f"process {running.pid} does not end; {home.log} may say why")
        home.tidy()
    print(f"ended ({time.monotonic() - began:.1f} s)")
    return 0


def _who_runs(home: Home) -> RunningMesh | None:
    """Return the supervisor, None for none; one that is just starting has told its pid in a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while (running := home.running()) and not running.pid and time.monotonic() < deadline:
        time.sleep(0.05)
    return running


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal a supervisor that may be gone by now, or never told its pid."""
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _ended(home: Home, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while home.running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
