"""What a connection does with clients that are gone, slow or too talkative, on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from unittest.mock import AsyncMock

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from services.chassis import connection
from services.chassis.app import ServiceApp
from services.chassis.connection import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_REQUEST_BYTES,
    MAX_WAITING,
    Connection,
    NoAnswer,
)
from services.chassis.probes import Readiness
from services.chassis.server import DrainingServer
from services.chassis.telemetry import Telemetry
from tests.services.waiting import until


class Served:
    """An app on a port, and what became of those who asked it to wait."""

    def __init__(self) -> None:
        self.waiting = self.cancelled = 0
        self.port = 0
        self.server: DrainingServer

    @property
    def connection(self) -> Connection:
        """The only one."""
        (one,) = self.server.server_state.connections
        assert isinstance(one, Connection)
        return one

    def app(self) -> FastAPI:
        app = ServiceApp("test", readiness=Readiness(), telemetry=Telemetry())

        @app.get("/wait")
        async def wait() -> None:
            self.waiting += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

        @app.post("/body")
        async def body(request: Request) -> int:
            self.waiting += 1
            try:
                return len(await request.body())
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

        @app.get("/drop")
        async def drop() -> NoAnswer:
            return NoAnswer()

        return app

    async def is_closed(self) -> bool:
        return not self.server.server_state.connections

    async def has_half_a_head(self) -> bool:
        return any(cast("Connection", one)._bytes > MAX_HEAD_BYTES // 2 for one in self.server.server_state.connections)

    async def is_waiting(self) -> bool:
        return self.waiting == 1

    async def is_cancelled(self) -> bool:
        return self.cancelled == 1


@asynccontextmanager
async def served(**settings: int) -> AsyncIterator[Served]:
    service = Served()
    inner = service.app()

    # uvicorn judges an app by its signature, which `make mutate` hides.
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await inner(scope, receive, send)

    config = uvicorn.Config(app, http=Connection, ws="none", log_config=None, **settings)  # type: ignore[arg-type] # any
    config.load()
    service.server = server = DrainingServer(config, Readiness())
    server.lifespan = config.lifespan_class(config)
    await server.lifespan.startup()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: Connection(config, server.server_state, server.lifespan.state), "127.0.0.1", 0
    )
    service.port = listener.sockets[0].getsockname()[1]
    server.servers = [listener]
    yield service
    listener.close()
    for one in list(server.server_state.connections):
        one.transport.abort()
    await until(service.is_closed)
    await asyncio.sleep(0)
    await server.lifespan.shutdown()


async def said(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    """Status and problem of the answer to `request`, and that the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
    assert b"\r\nconnection: close" in head
    return int(head.split(b" ")[1]), json.loads(body)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /wait HTTP/1.1\r\nhost: s\r\n\r\n",
        b"POST /body HTTP/1.1\r\nhost: s\r\ncontent-length: 9\r\n\r\nhalf",
    ],
)
async def test_what_is_done_for_a_client_ends_when_it_is_gone(request_: bytes) -> None:
    async with served() as service:
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(request_)
        await until(service.is_waiting)
        writer.close()
        await until(service.is_cancelled)


UPGRADE = b"POST /body HTTP/1.1\r\nhost: s\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
HALF_AND_ONE = b"%x\r\n%b\r\n" % (MAX_BODY_BYTES // 2 + 1, b"a" * (MAX_BODY_BYTES // 2 + 1))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nx-a: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"x-a: a\r\n" * MAX_HEAD_BYTES, 431),
        (b"GET /" + b"a" * (MAX_HEAD_BYTES + 1), 431),
        (b"GET /%b HTTP/1.1\r\nx-a: %b\r\n\r\n" % (b"a" * 33_000, b"a" * 33_000), 431),
        (b"POST /body HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 200_000, 413),
        (b"POST /body HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n" + HALF_AND_ONE * 2, 413),
        (b"GET / HTTP/1.1\r\nx a: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        *(
            (b"GET / HTTP/1.1\r\nhost: %b\r\n\r\n" % host, 400)
            for host in (b"a b", b"http://a", b"a:b", b"\xff", b"[a")
        ),
        (UPGRADE + b"content-length: 2\r\n\r\nok", 400),
        (UPGRADE + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 400),
        (b"CONNECT s:80 HTTP/1.1\r\nhost: s\r\n\r\n", 400),
        (b"GET http://s HTTP/1.1\r\nhost: s\r\n\r\n", 400),
        (b"POST /nowhere HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\nx", 400),
    ],
)
async def test_a_request_that_is_too_large_or_none_is_refused_as_a_problem(
    request_: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as service:
        refused, document = await said(service.port, request_)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    assert (refused, document["status"]) == (status, status)
    assert MAX_REQUEST_BYTES < 200_000 * 6


async def test_a_host_is_a_name_or_an_address_and_perhaps_a_port_and_http_1_0_needs_none() -> None:
    hosts = b"a_b.-c", b"10.0.0.1:80", b"[::1]:80", b"a:", b""
    requests = [b"GET /version HTTP/1.1\r\nhost: %b\r\n\r\n" % host for host in hosts]
    async with served() as service:
        got = await answered(service.port, b"".join(requests) + b"GET /version HTTP/1.0\r\n\r\n")
    assert got.count(b"HTTP/1.1 ") == got.count(b"HTTP/1.1 200 OK") == len(hosts) + 1


@pytest.mark.parametrize(
    "begun", [b"GET / HTT", b"GET / HTTP/1.1\r\nx-a", b"POST /body HTTP/1.1\r\nhost: s\r\ncontent-length: 3\r\n\r\na"]
)
async def test_a_request_that_does_not_arrive_in_time_is_refused(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.01)
    async with served() as service:
        status, document = await said(service.port, begun)
    assert (status, document["title"]) == (408, "Request Timeout")


async def test_a_body_whose_length_says_too_much_is_refused_before_it_is_read(caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /body HTTP/1.1\r\nhost: s\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)
    async with served() as service:
        status, document = await said(service.port, head)
    assert (status, document["title"]) == (413, "Content Too Large")
    ours = [record.message for record in caplog.records if record.name == connection.__name__]
    assert ours == [f"a request is refused with 413: a body has {MAX_BODY_BYTES} bytes at most"]


async def test_a_head_in_pieces_is_refused_by_the_sum_of_them() -> None:
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: s\r\nx-a: " + b"a" * (MAX_HEAD_BYTES // 2))
        await until(service.has_half_a_head)
        writer.write(b"a" * (MAX_HEAD_BYTES // 2))
        head = await reader.readuntil(b"\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 431 ")


LARGEST = b"a" * MAX_BODY_BYTES
CHUNKED = b"host: s\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"content-length: %d\r\n\r\n%b" % (MAX_BODY_BYTES, LARGEST),
        b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (MAX_BODY_BYTES, LARGEST),
    ],
)
async def test_a_body_may_be_as_large_as_that(body: bytes) -> None:
    async with served() as service:
        got = await answered(service.port, b"POST /body HTTP/1.1\r\nhost: s\r\nconnection: close\r\n" + body)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(b"\r\n\r\n%d" % MAX_BODY_BYTES)


async def test_what_comes_behind_a_body_is_no_header_of_the_request() -> None:
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /body HTTP/1.1\r\n" + CHUNKED + b"2\r\nok\r\n0\r\nx-late: 1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n2")
        assert service.connection.cycle
        assert b"x-late" not in dict(service.connection.cycle.scope["headers"])
        writer.close()


@pytest.mark.parametrize("length", [b"", b"content-length: 0\r\n"])
async def test_who_asks_for_another_protocol_is_answered_in_this_one(length: bytes) -> None:
    upgrade = b"connection: upgrade, close\r\nupgrade: h2c\r\n" + length
    async with served() as service:
        got = await answered(service.port, b"GET /version HTTP/1.1\r\nhost: s\r\n" + upgrade + b"\r\n")
    assert got.startswith(b"HTTP/1.1 200 OK")


async def answered(port: int, *parts: bytes) -> bytes:
    """All that comes back on a connection on which these parts of a request are sent, each when the last is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)
    got = await reader.read()
    writer.close()
    await writer.wait_closed()
    return got


async def test_what_a_connection_has_carried_before_counts_for_no_later_request() -> None:
    post = b"POST /body HTTP/1.1\r\nhost: s\r\ncontent-length: 40000\r\n\r\n" + b"a" * 40_000
    last = b"GET /version HTTP/1.1\r\nhost: s\r\n", b"connection: close\r\n\r\n"
    async with served() as service:
        got = await answered(service.port, post, post, *last)
    assert got.count(b"HTTP/1.1 200 OK") == 3


async def test_a_connection_on_which_nothing_is_asked_is_closed_like_any_idle_one() -> None:
    async with served(timeout_keep_alive=0) as service:
        assert await answered(service.port) == b""


async def test_an_answer_that_is_none_ends_the_connection_without_a_byte() -> None:
    async with served() as service:
        assert await answered(service.port, b"GET /drop HTTP/1.1\r\nhost: s\r\n\r\n") == b""


async def test_a_client_that_stays_after_a_refusal_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_FAREWELL_SECONDS", 0.01)
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"GET / HTTP/1.1\r\nx a: 1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        await until(service.is_closed)
        writer.close()


async def test_what_is_done_for_a_request_ends_when_the_rest_of_it_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /body HTTP/1.1\r\n" + CHUNKED)
        await until(service.is_waiting)
        writer.write(b"x")
        got = await reader.read()
        writer.close()
        await until(service.is_cancelled)
    assert got.count(b"HTTP/1.1 ") == got.count(b"HTTP/1.1 400 Bad Request") == 1
    assert [record.message for record in caplog.records if record.name == "access"] == ["POST /body refused"]


@pytest.mark.parametrize(
    "rest", [b"x", b"GET /wait HTTP/1.1\r\nhost: s\r\n\r\nx", b"POST /body HTTP/1.1\r\n" + CHUNKED + b"x"]
)
async def test_what_was_asked_before_a_request_that_is_refused_is_answered(
    rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    version = b"GET /version HTTP/1.1\r\nhost: s\r\n\r\n"
    async with served() as service:
        got = await answered(service.port, version + rest)
        assert service.waiting == 0
    assert got.count(b"HTTP/1.1 ") == got.count(b"HTTP/1.1 200 OK") == got.count(b"\r\nconnection: close\r\n") == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(("waiting", "answers"), [(MAX_WAITING, MAX_WAITING + 1), (MAX_WAITING + 1, 1)])
async def test_so_many_requests_may_wait_on_a_connection_and_one_more_has_only_the_first_answered(
    waiting: int, answers: int
) -> None:
    version, last = b"GET /version HTTP/1.1\r\nhost: s\r\n", b"connection: close\r\n\r\n"
    async with served() as service:
        got = await answered(service.port, (version + b"\r\n") * waiting + version + last)
    assert got.count(b"HTTP/1.1 ") == got.count(b"HTTP/1.1 200 OK") == answers
    assert got.count(b"\r\nconnection: close\r\n") == 1


async def test_a_request_that_is_refused_before_the_app_has_begun_never_reaches_it() -> None:
    async with served() as service:
        assert (await said(service.port, b"POST /body HTTP/1.1\r\n" + CHUNKED + b"x"))[0] == 400
        assert service.waiting == 0


async def test_a_request_that_is_answered_already_gets_no_second_answer_when_the_rest_of_it_is_refused() -> None:
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /nowhere HTTP/1.1\r\n" + CHUNKED)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 404 Not Found")
        writer.write(b"x")
        assert await reader.read() == b""
        writer.close()


async def test_a_request_that_the_end_of_the_process_cuts_short_is_told_so() -> None:
    async with served() as service:
        asking = asyncio.create_task(said(service.port, b"GET /wait HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n"))
        await until(service.is_waiting)
        assert service.connection._answering
        service.connection.pause_writing()  # as when the client does not read what it was sent before
        service.connection._answering.cancel()
        status, document = await asking
    assert (status, document["detail"]) == (503, "the process ended before the answer was ready")


async def test_while_the_process_drains_every_answer_says_that_its_connection_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.chassis.server.LEAVE_SECONDS", 0)
    monkeypatch.setattr("services.chassis.server.LINGER_SECONDS", 0)
    monkeypatch.setattr(uvicorn.Server, "shutdown", AsyncMock())  # which closes what is idle
    version = b"GET /version HTTP/1.1\r\nhost: s\r\n\r\n"
    async with served() as service:
        idle, waiting = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(2)]
        idle[1].write(version)
        assert b"connection: close" not in await idle[0].readuntil(b"}")
        waiting[1].write(b"POST /body HTTP/1.1\r\nhost: s\r\ncontent-length: 2\r\n\r\na")
        await until(service.is_waiting)
        service.server.server_state.default_headers = []  # as each second: the request that waits has those of before
        await service.server.shutdown()
        idle[1].write(version)
        waiting[1].write(b"b")
        for reader, writer in idle, waiting:
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.count(b"\r\nconnection: close\r\n") == 1
            writer.close()


async def test_the_answer_to_head_is_the_answer_to_get_without_a_body_on_the_wire_too() -> None:
    async with served() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        for method, more in (b"HEAD", b""), (b"GET", b"connection: close\r\n"):
            writer.write(method + b" /version HTTP/1.1\r\nhost: s\r\n" + more + b"\r\n")
        head, got, body, *rest = (await reader.read()).split(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert rest == []
    assert head + b"\r\nconnection: close" == got
    assert b"content-length: %d" % len(body) in head
