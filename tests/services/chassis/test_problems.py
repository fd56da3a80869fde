from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import BaseModel

from services.chassis.app import new_app
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry
from tests.services.asgi import client_of


class Body(BaseModel):
    number: float


@pytest.fixture
async def service() -> AsyncIterator[httpx.AsyncClient]:
    app = new_app("test", readiness=Readiness(), telemetry=Telemetry())

    @app.post("/number")
    async def number(body: Body) -> float:
        return body.number

    @app.get("/crash")
    async def crash() -> None:
        raise KeyError("secret")

    async with client_of(app, raise_app_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("PUT", "/number", b"", 405),
        ("POST", "/number", b'{"number": NaN', 422),
        ("POST", "/number", b'{"number": [NaN]}', 422),
        ("POST", "/number", b"[" * 60_000, 400),
        ("POST", "/number", b"\xff", 400),
        ("GET", "/crash", b"", 500),
    ],
)
async def test_every_error_has_the_same_shape(
    service: httpx.AsyncClient, method: str, path: str, content: bytes, status: int
) -> None:
    answer = await service.request(method, path, content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert set(document) <= {"title", "status", "detail", "errors"}


async def test_a_crash_tells_the_client_nothing_of_the_inside(service: httpx.AsyncClient) -> None:
    assert "secret" not in (await service.get("/crash")).text


async def test_a_method_that_is_not_allowed_is_told_which_ones_are(service: httpx.AsyncClient) -> None:
    assert (await service.put("/number")).headers["allow"] == "POST"
