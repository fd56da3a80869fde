import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.chassis.app import new_app
from services.chassis.logs import FIELDS, JsonFormatter
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry
from tests.services.asgi import client_of

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Lines(logging.Handler):
    """The log's lines, each made when it is written, as on stdout."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(JsonFormatter().format(record))

    def access(self) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.written) if line["logger"] == "access"]


@pytest.fixture
def log() -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    yield lines
    root.removeHandler(lines)
    root.setLevel(before)


async def requests(*calls: tuple[str, str], **headers: str) -> None:
    app = new_app("test", readiness=Readiness(), telemetry=Telemetry())

    @app.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    async with client_of(app) as client:
        for method, path in calls:
            await client.request(method, path, headers=httpx.Headers(headers))


async def test_a_request_is_one_line_with_route_status_time_and_trace(log: Lines) -> None:
    await requests(("GET", "/things/7"), traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    (line,) = log.access()
    assert (line["method"], line["path"], line["route"], line["status"]) == ("GET", "/things/7", "/things/{thing}", 200)
    assert line["trace_id"] == TRACE
    assert line["ms"] >= 0


async def test_head_is_logged_as_head_with_its_route(log: Lines) -> None:
    await requests(("HEAD", "/things/7"))
    assert [(line["method"], line["route"]) for line in log.access()] == [("HEAD", "/things/{thing}")]


async def test_a_request_that_nobody_traces_gets_a_trace_id_of_its_own(log: Lines) -> None:
    await requests(("GET", "/things/1"), ("GET", "/things/2"))
    first, second = (line["trace_id"] for line in log.access())
    assert len(first) == len(second) == 32
    assert first != second


async def test_probes_are_not_logged(log: Lines) -> None:
    await requests(("GET", "/livez"), ("GET", "/readyz"), ("GET", "/nowhere"))
    assert [(line["path"], line["route"]) for line in log.access()] == [("/nowhere", None)]


async def test_a_crash_is_an_error_with_its_status_and_every_line_of_it_has_the_trace_id(log: Lines) -> None:
    app = new_app("test", readiness=Readiness(), telemetry=Telemetry())

    @app.get("/crash")
    async def crash() -> None:
        logging.getLogger("services.test").warning("about to fail")
        raise KeyError

    async with client_of(app, raise_app_exceptions=False) as client:
        await client.get("/crash", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"})
    (line,) = log.access()
    assert (line["level"], line["status"], line["message"]) == ("error", 500, "GET /crash 500")
    said = [entry for entry in map(json.loads, log.written) if entry["logger"] != "httpx"]
    assert [entry["trace_id"] for entry in said] == [TRACE, TRACE]


@pytest.mark.parametrize("character", ["\n", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u202e"])
def test_no_character_of_a_line_steers_a_terminal(character: str) -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "msg": f"a{character}b", FIELDS: {"path": character}})
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"a{character}b"


async def test_a_hostile_path_cannot_forge_a_line(log: Lines) -> None:
    await requests(("GET", '/things/x%0A{"level":"error"}'))
    assert not any("\n" in line for line in log.written)
    assert log.access()[0]["path"] == '/things/x\n{"level":"error"}'


def test_an_exception_is_part_of_its_line() -> None:
    error = ValueError("broken")
    record = logging.makeLogRecord({"levelname": "ERROR", "msg": "it %s", "args": ("broke",), FIELDS: {"key": 1}})
    record.exc_info = (ValueError, error, None)
    line = json.loads(JsonFormatter().format(record))
    assert (line["level"], line["message"], line["key"]) == ("error", "it broke", 1)
    assert "ValueError: broken" in line["exception"]
