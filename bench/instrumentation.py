"""What the parts of a recorded request cost: `python -m bench.instrumentation [--rounds N] [--requests N]`.

An app with one short answer, alone and under what OpenTelemetry's packages can put around it, and catalog take turns in
one process, without sockets. Their spans go nowhere: the last row is what it takes to export one, in batches over
loopback, on the thread of the SDK's exporter. CPU is always that of the one thread which does the work.
"""

import argparse
import asyncio
import os
import statistics
import threading
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from fastapi import FastAPI, Response
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.process import machine
from bench.wire import Collected, collector
from services.catalog.app import create_app
from services.catalog.settings import Settings
from services.chassis import exporting, logs
from services.chassis.identity import Identity
from services.chassis.settings import load
from services.chassis.telemetry import Telemetry, instrument

AT_ONCE = 20
"""Requests that are answered before the collector has a turn."""
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
HEADERS = [(b"host", b"127.0.0.1:3000"), (b"user-agent", b"bench"), (b"x-request-id", b"3f1a9d6e-6f0c-4f0e-9a38-0d8f")]
SCOPE: Scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/items", "raw_path": b"/items",
                "query_string": b"", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 4000),
                "server": ("127.0.0.1", 3000)}  # fmt: skip


def short() -> FastAPI:
    """An app with one route, whose answer takes no thought."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.get("/items")
    async def items() -> Response:
        return Response(b"[]")

    return app


def with_fastapi_instrumentor(telemetry: Telemetry) -> ASGIApp:
    """As the services have it."""
    app = short()
    instrument(app, telemetry)
    return app


def with_asgi_middleware(telemetry: Telemetry) -> ASGIApp:
    """With what the other one is made of."""
    return OpenTelemetryMiddleware(
        short(),
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        exclude_spans=["receive", "send"],
    )


def with_span_by_hand(telemetry: Telemetry) -> ASGIApp:
    """With the same span, made by the SDK and nothing else."""
    app, tracer = short(), telemetry.tracer_provider.get_tracer(__name__)

    async def by_hand(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        (client, client_port), (server, port) = scope["client"], scope["server"]
        asked = {"http.request.method": scope["method"], "url.path": scope["path"], "url.scheme": scope["scheme"],
                 "network.protocol.version": scope["http_version"], "server.address": server, "server.port": port,
                 "client.address": client, "client.port": client_port, "http.route": "/items",
                 "user_agent.original": headers["user-agent"]}  # fmt: skip
        caller = propagate.extract(headers)
        with tracer.start_as_current_span("GET /items", caller, SpanKind.SERVER, asked):

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    trace.get_current_span().set_attribute("http.response.status_code", message["status"])
                await send(message)

            await app(scope, receive, note)

    return by_hand


@dataclass(frozen=True, slots=True)
class Part:
    """What takes a turn."""

    name: str
    app: ASGIApp
    sampled: bool = True
    state: dict[str, Any] = field(default_factory=dict)
    """What the app's lifespan has made."""
    micros: list[float] = field(default_factory=list)
    """CPU of one request, a turn each."""

    async def take_turn(self, requests: int, *, counted: bool = True) -> None:
        """Has the app answer so many requests, one after the other, and notes what one costs."""
        headers = [*HEADERS, (b"traceparent", TRACE + (b"01" if self.sampled else b"00"))]
        began = time.thread_time()
        for _ in range(requests):
            await self.app({**SCOPE, "headers": list(headers), "state": self.state}, receive, discard)
        if counted:
            self.micros.append((time.thread_time() - began) / requests * 1e6)


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(_message: Message) -> None:
    """Takes what an app answers."""


async def alone(rounds: int, requests: int) -> list[Part]:
    """The parts of a request, measured in turns."""
    telemetry = exporting.recording(SpanProcessor())  # does nothing with a span
    catalog = create_app(Settings(), telemetry=telemetry)
    async with catalog.router.lifespan_context(catalog) as state:
        parts = [
            Part("an app with one route", short()),
            Part("… with a span by hand", with_span_by_hand(telemetry)),
            Part("… under `opentelemetry-instrumentation-asgi`", with_asgi_middleware(telemetry)),
            Part("… under `opentelemetry-instrumentation-fastapi`", with_fastapi_instrumentor(telemetry)),
            Part("catalog, not sampled", catalog, sampled=False, state=dict(state or {})),
            Part("catalog, sampled", catalog, state=dict(state or {})),
        ]
        for number in range(rounds + 1):
            for part in parts:
                await part.take_turn(requests, counted=number > 0)
    return parts


async def exported(spans: int) -> float:
    """CPU in microseconds that one of so many spans takes on the exporter's thread."""
    before, collected = {thread.native_id for thread in threading.enumerate()}, Collected()
    async with collector(collected) as endpoint:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint  # the SDK reads it there
        telemetry = exporting.exporting(load(Settings, "catalog"), Identity(service="catalog"))
        (worker,) = {thread.native_id for thread in threading.enumerate()} - before
        part = Part("", with_span_by_hand(telemetry))
        for _ in range(spans // AT_ONCE):
            await part.take_turn(AT_ONCE)
            await asyncio.sleep(0.005)  # the collector's turn
        used = next(thread for thread in psutil.Process().threads() if thread.id == worker)
        return float(used.user_time + used.system_time) / collected.spans * 1e6


async def measure(rounds: int, requests: int) -> str:
    """A table in Markdown."""
    exporting.install_propagator(Settings())
    rows = [(part.name, statistics.median(part.micros), min(part.micros)) for part in await alone(rounds, requests)]
    lines = [f"| {name} | {median:.0f} µs | {least:.0f} µs |" for name, median, least in rows]
    lines.append(f"| one span on the exporter's thread | {await exported(20 * requests):.0f} µs | |")
    return "\n".join(["| | median | least |", "|---|--:|--:|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.instrumentation")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=500, help="of each part in a round (500)")
    chosen = parser.parse_args()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        logs.configure("info")  # the access line is written, and read by nobody
        found = asyncio.run(measure(chosen.rounds, chosen.requests))
    print(f"{machine()}; {chosen.rounds} alternating rounds of {chosen.requests} requests\n\n{found}")


if __name__ == "__main__":
    main()
