"""What a request may cost, counted and not timed: worker threads, and the calls that Python makes for it.

The bounds have some room for a library's next release, and none for what once made these services slow.
"""

import asyncio
import gc
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import propagate
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.exporting import install_propagator, recording
from services.chassis.telemetry import Telemetry
from services.webapp.app import create_app as create_webapp
from services.webapp.settings import Settings as WebappSettings

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
ITEM = {"id": 1, "color": "amber", "department": "Eyewear", "name": "Elinor Glasses", "price": "282.00"}
PATHS = {"catalog": "/items", "webapp": "/api/catalog"}
CALLS = {"catalog": 170, "webapp": 310}
"""Calls of Python functions for one request that nobody records."""
RECORDED_CALLS = {"catalog": 555, "webapp": 850}
"""Those for one that is recorded, without its export. The instrumentation of httpx made 250 more for webapp's."""


@pytest.fixture
def propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    install_propagator(CatalogSettings())
    yield
    propagate.set_global_textmap(before)


def service(name: str, telemetry: Telemetry) -> FastAPI:
    if name == "catalog":
        return create_catalog(CatalogSettings(), telemetry=telemetry)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[ITEM]))
    return create_webapp(WebappSettings(), telemetry=telemetry, transport=transport)


async def asked(
    app: FastAPI, path: str, count: Callable[[Callable[[], Awaitable[None]]], Awaitable[int]], flags: bytes = b"00"
) -> int:
    """What `count` says of one request for `path`, once others have warmed all caches."""
    async with app.router.lifespan_context(app) as state:

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200

        async def ask() -> None:
            headers = [(b"host", b"test"), (b"x-request-id", b"1"), (b"traceparent", TRACE + flags)]
            scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode()}
            more = {"query_string": b"", "headers": headers, "scheme": "http", "root_path": "", "state": dict(state)}
            await app({**scope, **more, "server": ("t", 80), "client": ("t", 1)}, receive, send)

        for _ in range(3):
            await ask()
        return await count(ask)


async def calls(ask: Callable[[], Awaitable[None]]) -> int:
    """How many Python functions are called, the tests' own apart."""
    made = 0

    def note(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call" and Path(frame.f_code.co_filename) != Path(__file__)

    sys.setprofile(note)
    try:
        await ask()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("name", PATHS)
async def test_a_request_that_nobody_records_makes_few_calls(name: str) -> None:
    made = await asked(service(name, Telemetry()), PATHS[name], calls)
    assert made <= CALLS[name]


@pytest.mark.usefixtures("propagator")
@pytest.mark.parametrize("name", PATHS)
async def test_a_request_that_is_recorded_makes_not_many_more(name: str) -> None:
    exporter = InMemorySpanExporter()
    app = service(name, recording(SimpleSpanProcessor(exporter)))
    made = await asked(app, PATHS[name], calls, flags=b"01")
    assert len(exporter.get_finished_spans()) == 4 * (1 if name == "catalog" else 2)
    assert made <= RECORDED_CALLS[name]


@pytest.mark.parametrize("name", PATHS)
async def test_an_exporter_that_does_not_record_the_request_adds_next_to_nothing(name: str) -> None:
    exporter = InMemorySpanExporter()
    without = await asked(service(name, Telemetry()), PATHS[name], calls)
    exporting = await asked(service(name, recording(SimpleSpanProcessor(exporter))), PATHS[name], calls)
    assert exporter.get_finished_spans() == ()
    assert exporting <= without * 1.1


@pytest.mark.usefixtures("propagator")
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("flags", [b"00", b"01"])
async def test_requests_leave_nothing_that_only_the_collector_of_garbage_finds(name: str, flags: bytes) -> None:
    async def found(ask: Callable[[], Awaitable[None]]) -> int:
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await ask()
            return gc.collect()
        finally:
            gc.enable()

    app = service(name, recording(SimpleSpanProcessor(InMemorySpanExporter())))
    assert await asked(app, PATHS[name], found, flags) < 20  # not one for each: chassis/runner.py counts on that


@pytest.mark.parametrize("path", ["/items", "/items/1", "/api/catalog", "/"])
async def test_no_request_leaves_the_event_loops_thread(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (started.append(self.name), start(self))[1])

    async def threads(ask: Callable[[], Awaitable[None]]) -> int:
        await asyncio.gather(*(ask() for _ in range(50)))
        return len(started)

    app = service("catalog" if path.startswith("/items") else "webapp", Telemetry())
    assert await asked(app, path, threads) == 0
