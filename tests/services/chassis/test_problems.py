from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from services.chassis.app import ServiceApp
from services.chassis.probes import Readiness
from services.chassis.problems import Problem, described, problem
from services.chassis.telemetry import Telemetry
from tests.services.asgi import client_of


class Body(BaseModel):
    number: float
    text: str = ""


@pytest.fixture
async def service() -> AsyncIterator[httpx.AsyncClient]:
    app = ServiceApp("test", readiness=Readiness(), telemetry=Telemetry())

    @app.post("/number")
    async def number(body: Body) -> float:
        return body.number

    router = APIRouter(prefix="/included")
    router.add_api_route("/text", lambda: "", methods=["GET"])
    router.add_api_route("/text", lambda: "", methods=["DELETE"])
    app.include_router(router)

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
    answer = await service.get("/crash")
    assert answer.json()["detail"] == "the service failed; its log has the details"


async def test_each_field_that_is_refused_is_named_with_the_reason(service: httpx.AsyncClient) -> None:
    answer = await service.post("/number", json={"number": "x", "text": 1})
    number, text = (
        "Input should be a valid number, unable to parse string as a number",
        "Input should be a valid string",
    )
    assert answer.json() == {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": f"body.number: {number}; body.text: {text}",
        "errors": [{"field": "body.number", "message": number}, {"field": "body.text", "message": text}],
    }


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
async def test_a_body_that_does_not_say_that_it_is_json_is_told_to(
    service: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    detail = (await service.post("/number", content=b'{"number": 1}', headers=headers)).json()["detail"]
    assert detail.startswith("body: ")
    assert detail.endswith(" (send the header Content-Type: application/json)")


def test_an_answer_is_short_ascii_that_steers_no_terminal_whatever_it_quotes() -> None:
    answer = problem(400, "a\x7f\x9b\u2028é", title="no", headers={"x-a": "1"})
    assert bytes(answer.body) == rb'{"title":"no","status":400,"detail":"a\u007f\u009b\u2028\u00e9"}'
    assert (answer.headers["content-type"], answer.headers["x-a"]) == ("application/problem+json", "1")


def test_openapi_is_told_of_each_error_answer_by_its_own_name() -> None:
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    assert described(404, 413) == {
        404: {"description": "Not Found", "content": content},
        413: {"description": "Content Too Large", "content": content},
    }


async def test_a_method_that_is_not_allowed_is_told_which_ones_are(service: httpx.AsyncClient) -> None:
    assert (await service.put("/number")).headers["allow"] == "POST"
    assert (await service.put("/included/text")).headers["allow"] == "DELETE, GET, HEAD"
