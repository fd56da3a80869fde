"""How Bookinfo's services call each other, seen on a real socket."""

import asyncio
from contextlib import suppress

import httpx
import pytest

from services.bookinfo.calls import END_USER, GO_ON, Answer, calling
from services.bookinfo.reviews.app import create_app
from services.bookinfo.reviews.settings import Settings
from services.chassis.telemetry import Telemetry
from tests.services.asgi import client_of
from tests.services.recorder import recorder

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_every_call_opens_a_connection_of_its_own() -> None:
    async with recorder(b"{}") as server, calling(Telemetry()) as caller:
        for _ in range(3):
            assert (await caller.get(f"http://127.0.0.1:{server.port}/", [], 30)).ok
        assert len(server.connections) == 3


async def test_the_listed_headers_and_the_users_name_reach_ratings_as_they_came_and_no_others() -> None:
    sent = {name.decode(): f"value of {name.decode()}" for name in GO_ON} | {"end-user": "jason"}
    sent |= {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "x-b3-traceid": TRACE, "x-b3-spanid": "b7ad6b7169203331"}
    others = {"x-forwarded-for": "1.2.3.4", "x-dark-launch": "v2", "accept-language": "de"}
    async with recorder(b'{"ratings":{}}') as ratings:
        settings = Settings(service_version="v2", ratings_hostname="127.0.0.1", ratings_service_port=ratings.port)
        async with client_of(create_app(settings)) as client:
            assert (await client.get("/reviews/0", headers=sent | others)).status_code == 200
        got = ratings.headers()
    ours = {"host", "accept", "accept-encoding", "connection"}
    assert sorted((name, value) for name, value in got if name not in ours) == sorted(sent.items())


async def test_a_call_that_takes_too_long_in_all_is_given_up() -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async with calling(Telemetry(), httpx.MockTransport(never)) as caller:
        assert await caller.get("http://ratings/", [], 0.01) == Answer(500, problem="gave no answer within 0.01 s")


async def test_an_answer_that_trickles_in_is_given_up_too() -> None:
    gone = asyncio.Event()

    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        gone.set()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with server, calling(Telemetry()) as caller:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert (await caller.get(url, [], 0.2)).problem == "gave no answer within 0.2 s"
        await gone.wait()


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(200, content=b'{"a": 1}'), Answer(200, {"a": 1})),
        (httpx.Response(503), Answer(503, problem="answered 503")),
        (httpx.Response(302, headers={"location": "http://elsewhere/"}), Answer(302, problem="answered 302")),
        (httpx.Response(201, content=b"{}"), Answer(201, problem="answered 201")),
        (httpx.Response(200, content=b"<html>"), Answer(500, problem="answered something that is no JSON")),
        (httpx.Response(200, content=b"NaN"), Answer(500, problem="answered something that is no JSON")),
    ],
)
async def test_an_answer_is_a_200_with_json_or_says_why_not(response: httpx.Response, expected: Answer) -> None:
    async with calling(Telemetry(), httpx.MockTransport(lambda _: response)) as caller:
        assert await caller.get("http://details/", [], 30) == expected


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (httpx.ConnectError("refused"), "cannot be reached"),
        (httpx.ReadTimeout(""), "gave no answer within 30 s"),
        (httpx.RemoteProtocolError("Server disconnected"), "broke off: Server disconnected"),
        (httpx.ReadError(""), "broke off: ReadError"),
    ],
)
async def test_a_call_that_broke_off_is_a_500_that_says_how(error: Exception, problem: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    async with calling(Telemetry(), httpx.MockTransport(fail)) as caller:
        assert await caller.get("http://details/", [], 30) == Answer(500, problem=problem)


def test_who_signed_in_is_not_among_the_headers_that_just_anybody_may_send_on() -> None:
    assert END_USER not in GO_ON
