import socket
import tempfile
from pathlib import Path

import pytest

from localmesh.envoy.admin import Admin, AdminError, AdminUnreachableError
from tests.localmesh.envoy.world import World


async def test_loggers_are_set_one_by_one_or_all_at_once(envoy: World) -> None:
    envoy.serve(envoy.resources({}, to=""))
    await envoy.start()
    assert "  http: debug\n" in await envoy.admin.logging({"http": "debug"})
    assert "  http: off\n" in await envoy.admin.logging({"level": "off"})
    with pytest.raises(AdminError, match="refuses POST /logging"):
        await envoy.admin.logging({"nosuchlogger": "debug"})


async def test_nobody_there_is_an_error_that_names_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "admin"
    assert not await Admin(path).ready()
    with pytest.raises(AdminUnreachableError, match=f"no Envoy answers on {path}"):
        await Admin(path).config_dump()


async def test_an_envoy_that_hangs_is_not_taken_for_one_that_is_gone() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as silent:
        path = Path(folder) / "admin"
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(AdminError, match="did not answer") as told:
            await Admin(path, timeout_s=0.05).stats(".*")
    assert not isinstance(told.value, AdminUnreachableError)
