"""`mesh down` at an odd moment."""

import argparse
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from localmesh.cli import down
from localmesh.home import Home, RunningMesh


def test_a_mesh_that_is_just_starting_is_ended_once_it_has_told_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESH_DIR", str(tmp_path))
    Home(tmp_path).create()
    signalled = []
    with ExitStack() as held:
        lock = held.enter_context(Home(tmp_path).hold())
        monkeypatch.setattr("time.sleep", lambda _: lock.tell(RunningMesh(4711, 30000, 30443, "2026-01-01T00:00:00Z")))

        def end(pid: int, number: signal.Signals) -> None:
            signalled.append((pid, number))
            held.close()

        monkeypatch.setattr(down, "_signal", end)
        assert down.run(argparse.Namespace()) == 0
    assert signalled == [(4711, signal.SIGTERM)]
