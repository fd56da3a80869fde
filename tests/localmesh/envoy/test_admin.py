import socket

import pytest

from localmesh.envoy.admin import Admin, AdminError, AdminUnreachableError
from tests.localmesh.envoy.world import World, free_port


async def test_loggers_are_set_one_by_one_or_all_at_once(envoy: World) -> None:
    envoy.serve(envoy.resources({}, to=""))
    await envoy.start()
    assert "  http: debug\n" in await envoy.admin.logging({"http": "debug"})
    assert "  http: off\n" in await envoy.admin.logging({"level": "off"})
    with pytest.raises(AdminError, match="refuses POST /logging"):
        await envoy.admin.logging({"nosuchlogger": "debug"})


async def test_nobody_there_is_an_error_that_names_the_port() -> None:
    port = free_port()
    assert not await Admin(port).ready()
    with pytest.raises(AdminUnreachableError, match=f"no Envoy answers on 127.0.0.1:{port}"):
        await Admin(port).config_dump()


async def test_an_envoy_that_hangs_is_not_taken_for_one_that_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(AdminError, match="did not answer") as told:
        await Admin(silent.getsockname()[1], timeout_s=0.05).stats(".*")
    assert not isinstance(told.value, AdminUnreachableError)
