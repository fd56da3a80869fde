from pathlib import Path

import pytest

from localmesh.cli import up
from localmesh.home import Home, RunningMesh


def warning(home: Home, *, user: int, confines: bool) -> None:
    with pytest.MonkeyPatch.context() as patch, home.hold() as lock:
        patch.setattr("os.geteuid", lambda: user)
        lock.tell(RunningMesh(1, 30000, 30443, "2026-01-01T00:00:00Z", confines))
        up._warn_of_signals(home)


def test_root_alone_is_warned_where_nothing_keeps_signals_within_the_mesh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Home(tmp_path).create()
    for user, confines in ((0, True), (1000, False), (1000, True)):
        warning(Home(tmp_path), user=user, confines=confines)
    assert not capsys.readouterr().out
    warning(Home(tmp_path), user=0, confines=False)
    assert "may signal any process of this machine" in capsys.readouterr().out
