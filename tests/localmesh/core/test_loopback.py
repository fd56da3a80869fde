import socket

import pytest

from localmesh.core import loopback
from localmesh.core.loopback import FIRST, LAST, NoFreePortError, PortAllocator, free_port, is_taken


def test_a_port_is_never_handed_out_twice_while_it_is_taken() -> None:
    allocator = PortAllocator()
    taken = [allocator.take() for _ in range(200)]
    assert len(set(taken)) == 200
    assert all(FIRST <= port <= LAST for port in taken)
    for port in taken:
        allocator.give_back(port)


def test_a_port_that_another_mesh_took_and_does_not_listen_on_yet_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = PortAllocator()
    port = one.take()
    monkeypatch.setattr(loopback, "FIRST", port)
    monkeypatch.setattr(loopback, "LAST", port)
    other = PortAllocator()
    with pytest.raises(NoFreePortError):
        other.take()
    one.give_back(port)
    assert other.take() == port
    other.give_back(port)


def test_a_port_on_which_somebody_listens_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(loopback, "FIRST", port)
        monkeypatch.setattr(loopback, "LAST", port)
        with pytest.raises(NoFreePortError, match=f"no port from {port} to {port} is free"):
            PortAllocator().take()
    allocator = PortAllocator()
    assert allocator.take() == port
    allocator.give_back(port)


def test_a_port_that_is_answered_is_taken_though_nobody_here_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_taken(free_port())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert is_taken(port)
        # What a cluster's NAT rules do: the port can be bound, and is answered all the same.
        monkeypatch.setattr(loopback, "is_free", lambda _: True)
        assert is_taken(port)
