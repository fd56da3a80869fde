from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from localmesh.telemetry.host_guard import TOKEN_HEADER, HostGuard, Tokens
from localmesh.telemetry.names import is_ours
from tests.localmesh.telemetry.asking import BASE, asking

TOKENS = Tokens()


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def change(request: Request) -> Response:
    return PlainTextResponse(TOKENS.complaint(request))


APP = Starlette(routes=[Route("/", length, methods=["GET", "POST"]), Route("/change", change, methods=["POST"])])


@pytest.mark.parametrize(
    "host", ["127.0.0.1:30003", "localhost", "LOCALHOST:1", "[::1]:30003", "prometheus.istio-system:9090",
             "zipkin.istio-system", "kiali.istio-system.svc.cluster.local:20001"]
)  # fmt: skip
def test_this_machine_and_the_meshs_services_may_ask(host: str) -> None:
    assert is_ours(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "evil.example:30003", ".istio-system", "localhost.evil:1",
             "x.istio-system.evil.example", "10.0.0.1", "[::1", "127.0.0.1:evil"]
)  # fmt: skip
async def test_nobody_else_may(host: str) -> None:
    assert not is_ours(host)
    async with asking(APP) as client:
        answer = await client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "127.0.0.1" in answer.text


async def test_answers_belong_to_no_frame_and_no_other_site() -> None:
    async with asking(APP) as client:
        answer = await client.get("/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() -> None:
    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 100

    async with asking(APP, max_body=1000) as client:
        assert (await client.post("/", content=b"x" * 1000)).text == "1000"
        assert (await client.post("/", content=b"x" * 1001)).status_code == 413
        assert (await client.post("/", content=chunks(10))).text == "1000"
        assert (await client.post("/", content=chunks(11))).status_code == 413


async def test_only_the_pages_own_buttons_change_something() -> None:
    good = {TOKEN_HEADER: TOKENS.token, "origin": BASE, "sec-fetch-site": "same-origin"}
    async with asking(APP) as client:

        async def complaint(**headers: str | bytes) -> str:
            changed = {**good, **{name.replace("_", "-"): value for name, value in headers.items()}}
            return (await client.post("/change", headers=changed)).text

        assert await complaint() == ""
        assert "evil" in await complaint(origin="http://evil.example")
        assert "evil" in await complaint(origin="http://127.0.0.1:30003.evil.example")
        assert "null" in await complaint(origin="null")
        assert "button" in await complaint(sec_fetch_site="cross-site")
        assert "token" in await complaint(x_mesh_token="")
        assert "token" in await complaint(x_mesh_token=b"\xfc")


async def test_whoever_leaves_with_half_a_body_is_no_error_of_ours() -> None:
    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
    await HostGuard(APP)(scope, receive, send)
    assert all(message.get("status") != 200 for message in sent)
