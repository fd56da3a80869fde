import json
import logging
from asyncio import CancelledError
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from services.chassis import access
from services.chassis.app import ServiceApp
from services.chassis.identity import Identity
from services.chassis.logs import FIELDS, TRACE_ID, JsonFormatter, configure
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
    app = ServiceApp("test", readiness=Readiness(), telemetry=Telemetry())

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
    app = ServiceApp("test", readiness=Readiness(), telemetry=Telemetry())

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


async def _nowhere(_message: object) -> None:
    """Where an answer goes that nobody reads."""


@pytest.mark.parametrize(
    "ending",
    [
        (200, None, "info", "200"),
        (500, KeyError(), "error", "500"),
        (None, KeyError(), "error", "no answer"),
        (None, None, "info", "no answer"),
        (None, CancelledError(), "info", "no answer"),
        (None, CancelledError("client gone"), "info", "client gone"),
        (200, CancelledError(), "info", "200"),
    ],
)
async def test_a_line_says_how_the_request_ended_and_how_long_it_took(
    log: Lines, monkeypatch: pytest.MonkeyPatch, ending: tuple[int | None, BaseException | None, str, str]
) -> None:
    status, error, level, what = ending
    clock = iter([5.0, 5.0123456])
    monkeypatch.setattr(access, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    answer = access.Answer({"method": "GET", "path": "/x"}, _nowhere, Identity(service="s"))
    if status:
        await answer.send({"type": "http.response.start", "status": status, "headers": []})
    answer.log(error)
    (line,) = log.access()
    assert line.pop("time")
    assert line == {
        "level": level,
        "logger": "access",
        "message": f"GET /x {what}",
        "method": "GET",
        "path": "/x",
        "route": None,
        "status": status,
        "ms": 12.35,
    }


def test_a_line_begins_with_the_time_in_utc() -> None:
    TRACE_ID.set(None)
    record = logging.makeLogRecord({"levelname": "WARNING", "name": "x", "msg": "m", "created": 0.0015})
    assert JsonFormatter().format(record) == (
        '{"time": "1970-01-01T00:00:00.001+00:00", "level": "warning", "logger": "x", "message": "m"}'
    )


def test_lines_go_to_stdout_from_the_level_on_that_was_asked_for_and_libraries_speak_up_only_to_warn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, chatty = logging.getLogger(), [logging.getLogger(name) for name in ("httpx", "uvicorn.error")]
    levels = {logger: logger.level for logger in (root, *chatty)}
    monkeypatch.setattr(root, "handlers", [logging.NullHandler()])
    for switch in ("logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, switch, True)
    configure("info")
    for logger in (logging.getLogger("ours"), *chatty):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logger.log(level, "said")
    for logger, level in levels.items():
        logger.setLevel(level)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["logger"], line["level"]) for line in said] == [
        ("ours", "info"),
        ("ours", "warning"),
        ("httpx", "warning"),
        ("uvicorn.error", "warning"),
    ]
