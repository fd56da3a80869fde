"""The connections behind webapp's calls, to servers that answer well and badly."""

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import httpx
import pytest

from services.webapp import connection, transport
from services.webapp.connection import MAX_HEAD_BYTES
from services.webapp.transport import Transport
from tests.services.waiting import until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of `answers`; None is silence, b"" closes the connection."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                if answer is None:
                    await reader.read()
                    return
                writer.write(answer)
                if b"content-length" not in answer and b"chunked" not in answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def calling(server: Server, **timeout: float) -> AsyncIterator[httpx.AsyncClient]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    limits = httpx.Timeout(30, **timeout)
    async with httpx.AsyncClient(transport=Transport(url), base_url=url, timeout=limits) as client:
        yield client
    listener.close()
    for writer in server.open:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in server.open), return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\nx: no content-length\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n", b""),
    ],
)
async def test_an_answer_is_whole_however_it_is_delimited(answer: bytes, body: bytes) -> None:
    async with calling(Server(answer)) as client:
        assert (await client.get("/")).content == body


async def test_a_second_answer_to_a_request_is_not_the_next_ones() -> None:
    server = Server(OK + OK.replace(b"ok", b"no")[:-1], OK)
    async with calling(server) as client:
        assert [(await client.get("/")).content for _ in range(2)] == [b"ok", b"ok"]
    assert server.connections == 2


async def test_what_comes_behind_a_body_is_no_header() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-served-by: me\r\n\r\n"
    async with calling(Server(chunked)) as client:
        assert list((await client.get("/")).headers) == ["x-a", "transfer-encoding"]


async def test_a_server_is_asked_for_the_path_and_a_proxy_without_credentials_is_given_none() -> None:
    server = Server(OK, OK)
    async with calling(server) as client:
        await client.get("/items?a=1")
        proxied = Transport("http://catalog:80", str(client.base_url))
        await proxied.handle_async_request(httpx.Request("GET", "http://catalog/items"))
        await proxied.aclose()
    assert server.heads[0].startswith(b"GET /items?a=1 HTTP/1.1\r\n")
    assert b"proxy-authorization" not in server.heads[1].lower()


async def test_a_connection_is_used_again_and_one_that_is_to_close_is_not() -> None:
    server = Server(OK, OK, OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), OK)
    async with calling(server) as client:
        for _ in range(4):
            assert (await client.get("/")).content == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", httpx.ReadTimeout),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n9\r\nshort", httpx.RemoteProtocolError),
        (b"nonsense, not content-length\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"content-length" * MAX_HEAD_BYTES, httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"x: content-length\r\n" * MAX_HEAD_BYTES, httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x, no content-length\r\n\r\n", httpx.RemoteProtocolError),
        (None, httpx.ReadTimeout),
    ],
)
async def test_a_bad_answer_is_an_error_and_no_call_is_made_twice(answer: bytes | None, error: type[Exception]) -> None:
    server = Server(answer)
    # On a busy machine even a server that answers at once may take longer than that.
    async with calling(server, read=0.05 if error is httpx.ReadTimeout else 30) as client:
        with pytest.raises(error):
            await client.get("/")
    assert len(server.heads) <= 1


async def test_a_call_that_is_cancelled_takes_its_connection_along() -> None:
    server = Server(None, OK)
    async with calling(server) as client:
        call = asyncio.create_task(client.get("/"))

        async def is_asked() -> bool:
            return bool(server.heads)

        await until(is_asked)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.get("/")).content == b"ok"
    assert server.connections == 2


async def test_no_more_calls_are_in_flight_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 1)
    async with calling(Server(None), pool=0.01) as client:
        call = asyncio.create_task(client.get("/"))
        await asyncio.sleep(0)
        with pytest.raises(httpx.PoolTimeout):
            await client.get("/")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EMFILE, httpx.PoolTimeout),
        (errno.ENFILE, httpx.PoolTimeout),
        (errno.EBUSY, httpx.PoolTimeout),
        (errno.ECONNREFUSED, httpx.ConnectError),
    ],
)
async def test_a_process_without_a_file_left_does_not_blame_the_server(
    number: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = AsyncMock(side_effect=OSError(number, "no"))
    async with calling(Server(OK)) as client:
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", failing)
        with pytest.raises(error, match="no"):
            await client.get("/")


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    server = Server(OK)
    async with calling(server) as client:
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/", headers=[(b"x-a", b"1\r\nx-evil: 1")])
    assert server.heads == []


async def test_the_answer_to_a_head_has_no_body_whatever_its_length_says() -> None:
    async with calling(Server(OK.removesuffix(b"ok"), OK)) as client:
        answer = await client.head("/")
        assert (answer.content, answer.headers["content-length"]) == (b"", "2")
        assert (await client.get("/")).content == b"ok"


async def test_a_kept_connection_that_the_server_has_closed_is_not_used() -> None:
    server = Server(OK, OK)
    async with calling(server) as client:
        await client.get("/")
        # Nothing else shows when word of it has come.
        (kept,) = client._transport._unused  # type: ignore[attr-defined] # httpx knows any transport
        for writer in server.open:
            writer.close()

        async def is_known() -> bool:
            return not kept.usable

        await until(is_known)
        assert (await client.get("/")).content == b"ok"
    assert server.connections == 2


async def test_a_server_whose_door_nobody_opens_is_given_up() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        # One fills the queue of a server that accepts nobody; the system leaves the next without an answer.
        with socket.create_connection(deaf.getsockname()):
            async with httpx.AsyncClient(transport=Transport(url), timeout=httpx.Timeout(30, connect=0.05)) as client:
                with pytest.raises(httpx.ConnectTimeout):
                    await client.get(url)


async def test_through_a_proxy_the_whole_address_is_asked_for_with_the_proxys_credentials() -> None:
    server = Server(OK)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    proxy = f"http://me:se%20cret@127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, httpx.AsyncClient(transport=Transport("http://catalog:80", proxy)) as client:
        assert (await client.get("http://catalog/items?a=1")).content == b"ok"
    lines = server.heads[0].split(b"\r\n")
    assert lines[0] == b"GET http://catalog/items?a=1 HTTP/1.1"
    assert b"Host: catalog" in lines
    assert b"Proxy-Authorization: Basic bWU6c2UgY3JldA==" in lines


@pytest.mark.parametrize(("room", "is_whole"), [(0, True), (-1, False)])
async def test_an_answer_may_be_that_long_and_not_a_byte_longer(
    room: int, is_whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"x" * 1_000_000  # comes in several pieces
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", len(answer) + room)
    async with calling(Server(answer)) as client:
        if is_whole:
            assert (await client.get("/")).content == body
        else:
            with pytest.raises(httpx.RemoteProtocolError, match="too long"):
                await client.get("/")


async def test_a_connection_that_nobody_uses_is_closed_after_a_while_and_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.01)
    async with calling(Server(OK)) as client:
        await client.get("/")

        async def is_forgotten() -> bool:
            return not client._transport._unused  # type: ignore[attr-defined] # httpx knows any transport

        await until(is_forgotten)


class Resetting(Server):
    """Resets a connection on which it is asked anything."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()


@pytest.mark.parametrize(
    ("server", "error", "words"),
    [
        (Server(b""), httpx.RemoteProtocolError, "the server disconnected without a whole answer"),
        (Resetting(), httpx.ReadError, "Connection reset by peer"),
    ],
)
async def test_a_connection_that_is_lost_says_how(server: Server, error: type[Exception], words: str) -> None:
    async with calling(server) as client:
        with pytest.raises(error, match=words):
            await client.get("/")


async def test_the_usual_port_which_an_address_leaves_out_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def refuse(_protocol: object, host: str, port: int) -> None:
        asked.append((host, port))
        raise OSError("no way there")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
    async with httpx.AsyncClient(transport=Transport("http://catalog:80")) as client:
        with pytest.raises(httpx.ConnectError, match=r"^no way there$"):
            await client.get("http://catalog:80/items")
    assert asked == [("catalog", 80)]
