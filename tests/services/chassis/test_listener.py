import errno
import select
import socket
import sys

import pytest

from services.chassis.listener import listen, take_the_last
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


def connecting_to(address: tuple[str, int]) -> socket.socket:
    """A client that has asked for a connection; on loopback, it would have it at once."""
    client = socket.socket()
    client.setblocking(False)
    assert client.connect_ex(address) == errno.EINPROGRESS
    return client


def test_the_connections_that_the_kernel_holds_are_taken() -> None:
    with listen("127.0.0.1", 0, "test") as listener:
        listener.listen()
        clients = [connecting_to(listener.getsockname()) for _ in range(3)]
        taken = list(take_the_last(listener))
    assert {one.getpeername() for one in taken} == {client.getsockname() for client in clients}
    for one in [*clients, *taken]:
        one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can filter what a socket receives")
def test_no_connection_is_made_between_the_last_accept_and_the_close_and_the_client_hears_of_it() -> None:
    with listen("127.0.0.1", 0, "test") as listener:
        listener.listen()
        assert list(take_the_last(listener)) == []
        with connecting_to(listener.getsockname()) as late:
            assert select.select([], [late], [], 0) == ([], [], [])
            listener.close()
            assert select.select([], [late], [], 30) == ([], [late], [])  # it asks again after a second
            assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
