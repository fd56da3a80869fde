from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from localmesh.cli import pages
from localmesh.core.errors import MeshError
from localmesh.core.loopback import free_port
from localmesh.telemetry.names import MESH_ID_HEADER
from tests.localmesh.telemetry.asking import asking
from tests.localmesh.telemetry.test_host_guard import APP


@contextmanager
def answering(mesh_id: str, status: int = 200) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if mesh_id:
                self.send_header(MESH_ID_HEADER, mesh_id)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def service(name: str, number: int, node_port: int) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": number, "nodePort": node_port}]}}


def test_a_page_of_this_mesh_is_known_by_its_id() -> None:
    with answering("mine") as port:
        assert pages.foreign(port, "mine") == ""
        assert "another mesh" in pages.foreign(port, "yours")


@pytest.mark.parametrize("status", [200, 404])
def test_somebody_else_on_the_port_is_told_from_the_mesh(status: int) -> None:
    with answering("", status) as port:
        said = pages.foreign(port, "mine")
    assert "somebody else, such as a cluster" in said
    assert "--telemetry-ports FIRST" in said


def test_nobody_on_the_port_is_said() -> None:
    assert "kubectl get pods -n istio-system" in pages.foreign(free_port(), "mine")


def test_the_pages_are_found_by_their_services_and_refused_when_they_are_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Client:
        def json(self, *_: str) -> object:
            return {"metadata": {"uid": "mine"}}

    services = [service("kiali", 20001, 31003), service("tracing", 80, 31004)]
    monkeypatch.setattr(pages, "foreign", lambda _, mesh_id: "" if mesh_id == "mine" else "?")
    assert pages.find(Client(), services) == pages.Pages("http://127.0.0.1:31003", "http://127.0.0.1:31004")  # type: ignore[arg-type] # as much of it as is asked
    assert pages.find(Client(), []) is None  # type: ignore[arg-type] # as much of it as is asked
    monkeypatch.setattr(pages, "foreign", lambda port, _: f"{port} is not ours")
    with pytest.raises(MeshError, match="31003 is not ours"):
        pages.find(Client(), services)  # type: ignore[arg-type] # as much of it as is asked


async def test_each_answer_says_whose_page_it_is() -> None:
    async with asking(APP, mesh_id="mine") as client:
        assert (await client.get("/")).headers[MESH_ID_HEADER] == "mine"
        assert (await client.get("/nowhere")).headers[MESH_ID_HEADER] == "mine"
    async with asking(APP) as client:
        assert MESH_ID_HEADER not in (await client.get("/")).headers
