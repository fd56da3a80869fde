import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from services.catalog.app import create_app
from services.catalog.settings import Settings
from services.chassis.connection import Connection
from services.chassis.probes import Readiness
from services.chassis.server import BACKLOG, KEEP_ALIVE_SECONDS, LINGER_SECONDS, DrainingServer, listen, serve
from tests.services.processes import Service, run_to_end, running
from tests.services.waiting import until

ENVOY_IDLE_SECONDS = 3600
REQUEST = b"GET /items/1 HTTP/1.1\r\nHost: catalog\r\n\r\n"


@pytest.fixture
def catalog() -> Iterator[Service]:
    with running("catalog") as service:
        yield service


async def answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Status of the next answer, and whether the server will close the connection after it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ")[1]), b"connection: close" in head


@pytest.mark.process
async def test_sigterm_ends_a_service_with_idle_connections_with_0_and_all_it_ever_printed_is_json(
    catalog: Service,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", catalog.port)
    writer.write(REQUEST)
    assert await answer(reader) == (200, False)
    assert await asyncio.to_thread(catalog.terminate) == 0
    writer.close()
    lines = [json.loads(line) for line in catalog.output.read_text().splitlines()]
    assert [line["message"] for line in lines][-3:] == [
        "GET /items/1 200",
        "draining: 1 connections are open",
        "drained",
    ]


@pytest.mark.process
async def test_after_sigterm_readiness_is_false_and_requests_in_flight_are_answered(catalog: Service) -> None:
    async with httpx.AsyncClient(base_url=catalog.url, trust_env=False) as client:
        await client.post("/blowup", json={"active": True, "type": "latency", "latencyMs": 1500})
        slow = asyncio.create_task(client.get("/items"))

        async def is_waiting() -> bool:
            return bool((await client.get("/blowup")).json()["latency"]["seen"] == 1)

        async def is_draining() -> bool:
            return (await client.get("/readyz")).is_error

        await until(is_waiting)
        catalog.process.terminate()
        await until(is_draining)
        probe = await client.get("/readyz")
        assert (probe.status_code, (await client.get("/livez")).status_code) == (503, 200)
        assert "draining" in probe.json()["detail"]
        late = await slow
    assert (late.status_code, late.headers["connection"]) == (200, "close")
    assert await asyncio.to_thread(catalog.process.wait, 30) == 0


class KeepAliveClient:
    """Sends one request after the other over connections that it keeps as long as the server does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.dials = True
        self.seen: Counter[str] = Counter()

    async def run(self) -> None:
        """Until its connection has ended and it is to make no new one."""
        while self.dials:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            await self._use(reader, writer, began)

    async def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float) -> None:
        """Uses a connection until it ends; `began` is when it, or the request before, was begun."""
        closes, gap = False, 0.0
        try:
            while not closes:
                writer.write(REQUEST)
                gap, began = time.monotonic() - began, time.monotonic()
                status, closes = await answer(reader)
                self.seen[f"answered {status}"] += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            # This very process may have got no processor for so long that the server took the connection for idle.
            self.seen["lost" if gap < LINGER_SECONDS else "sent too late"] += 1
        finally:
            writer.close()


@pytest.mark.process
async def test_sigterm_under_load_loses_no_request(catalog: Service) -> None:
    """Each request that is not held back for half a second is answered.

    As with a preStop hook, nobody is sent here any more once the signal comes; the connections that are there go on. (A
    client that dials all the same can be reset in the microseconds between the last accept and the listener's end.)
    """
    clients = [KeepAliveClient(catalog.port) for _ in range(16)]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.run())

        async def is_busy() -> bool:
            return sum(client.seen["answered 200"] for client in clients) >= 500

        await until(is_busy)
        for client in clients:
            client.dials = False
        catalog.process.terminate()
    seen = sum((client.seen for client in clients), Counter())
    assert await asyncio.to_thread(catalog.process.wait, 30) == 0
    assert set(seen) <= {"answered 200", "sent too late"}, seen


@pytest.mark.process
async def test_a_connection_without_a_request_when_the_listener_closes_is_still_served(catalog: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", catalog.port)
    catalog.process.terminate()

    async def is_closed() -> bool:
        try:
            socket.create_connection(("127.0.0.1", catalog.port)).close()
        except ConnectionRefusedError:
            return True
        return False

    await until(is_closed)
    writer.write(REQUEST)
    assert await answer(reader) == (200, True)
    writer.close()
    assert await asyncio.to_thread(catalog.process.wait, 30) == 0


def test_idle_connections_outlive_envoys() -> None:
    assert KEEP_ALIVE_SECONDS > ENVOY_IDLE_SECONDS


@pytest.mark.process
def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_to_end("catalog", PORT=str(port))
    assert ended.returncode == 1
    reason = "Address already in use"
    assert ended.stderr == f"catalog: cannot listen on HOST=127.0.0.1 PORT={port}: {reason}\n"


def test_the_listener_has_asyncio_set_nodelay_on_its_connections() -> None:
    with listen("127.0.0.1", 0, "test") as listener:
        assert (listener.proto, listener.type) == (socket.IPPROTO_TCP, socket.SOCK_STREAM)
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(("drained", "left"), [(5.0, 15.0), (100.0, 0.0)])
def test_requests_in_flight_get_the_seconds_of_the_settings_and_the_last_spans_what_is_left_of_them(
    drained: float, left: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configs = []

    def run(server: DrainingServer, sockets: list[socket.socket]) -> None:
        configs.append(server.config)
        server.told = 1000 - drained
        for one in sockets:
            one.close()

    monkeypatch.setattr(DrainingServer, "run", run)
    monkeypatch.setattr("services.chassis.server.time", SimpleNamespace(monotonic=lambda: 1000.0))
    caplog.set_level("INFO")
    settings = Settings(host="127.0.0.1", port=0, drain_seconds=20)
    assert serve(create_app(settings), settings, Readiness(), "test") == left
    (config,) = configs
    seconds = config.timeout_graceful_shutdown, config.timeout_keep_alive
    assert (*seconds, config.backlog) == (20, KEEP_ALIVE_SECONDS, BACKLOG)
    assert (config.http, config.ws, config.lifespan) == (Connection, "none", "on")
    adds = config.server_header, config.proxy_headers, config.access_log, config.log_config
    assert adds == (False, False, False, None)
    (line,) = caplog.messages
    assert line.startswith("test listens on 127.0.0.1:")
