import json
import logging
from typing import Any

import httpx
import pytest

from services.chassis.app import new_app
from services.chassis.logs import FIELDS, JsonFormatter
from services.chassis.probes import Readiness
from services.chassis.telemetry import relaying
from tests.services.asgi import client_of

TRACE = "0af7651916cd43dd8448eb211c80319c"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == "access"]


async def requests(*calls: tuple[str, str], **headers: str) -> None:
    app = new_app("test", readiness=Readiness(), telemetry=relaying())

    @app.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    async with client_of(app) as client:
        for method, path in calls:
            await client.request(method, path, headers=httpx.Headers(headers))


async def test_a_request_is_one_line_with_route_status_time_and_trace(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await requests(("GET", "/things/7"), traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    (line,) = lines(caplog)
    assert (line["method"], line["path"], line["route"], line["status"]) == ("GET", "/things/7", "/things/{thing}", 200)
    assert line["trace_id"] == TRACE
    assert line["ms"] >= 0


async def test_head_is_logged_as_head_with_its_route(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await requests(("HEAD", "/things/7"))
    assert [(line["method"], line["route"]) for line in lines(caplog)] == [("HEAD", "/things/{thing}")]


async def test_a_request_that_nobody_traces_gets_a_trace_id_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await requests(("GET", "/things/1"), ("GET", "/things/2"))
    first, second = (line["trace_id"] for line in lines(caplog))
    assert len(first) == len(second) == 32
    assert first != second


async def test_probes_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await requests(("GET", "/livez"), ("GET", "/readyz"), ("GET", "/nowhere"))
    assert [(line["path"], line["route"]) for line in lines(caplog)] == [("/nowhere", None)]


async def test_a_hostile_path_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await requests(("GET", '/things/x%0A{"level":"error"}'))
    assert JsonFormatter().format(caplog.records[0]).count("\n") == 0
    assert lines(caplog)[0]["path"] == '/things/x\n{"level":"error"}'


def test_an_exception_is_part_of_its_line() -> None:
    error = ValueError("broken")
    record = logging.makeLogRecord({"levelname": "ERROR", "msg": "it %s", "args": ("broke",), FIELDS: {"key": 1}})
    record.exc_info = (ValueError, error, None)
    line = json.loads(JsonFormatter().format(record))
    assert (line["level"], line["message"], line["key"]) == ("error", "it broke", 1)
    assert "ValueError: broken" in line["exception"]
