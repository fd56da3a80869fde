import socket

from services.chassis.listener import listen
from tests.services.processes import run_to_end


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_to_end("catalog", PORT=str(port))
    assert ended.returncode == 1
    reason = "Address already in use"
    assert ended.stderr == f"catalog: cannot listen on HOST=127.0.0.1 PORT={port}: {reason}\n"


def test_the_listener_has_asyncio_set_nodelay_on_its_connections() -> None:
    with listen("127.0.0.1", 0, "test") as listener:
        assert listener.proto == socket.IPPROTO_TCP
