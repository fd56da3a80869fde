import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Getter, TextMapPropagator, default_getter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from services.catalog.app import create_app
from services.catalog.settings import Settings
from services.chassis.exporting import install_propagator, recording
from services.chassis.logs import TRACE_ID
from services.chassis.settings import load
from services.chassis.telemetry import from_settings
from tests.services.asgi import client_of
from tests.services.processes import refusing_port, running

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLERS = {
    "W3C": {"traceparent": f"00-{TRACE}-{SPAN}-01"},
    "B3 single": {"b3": f"{TRACE}-{SPAN}-1"},
    "B3 multi": {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"},
}


@pytest.fixture(autouse=True)
def propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    install_propagator(Settings())
    yield
    propagate.set_global_textmap(before)


@asynccontextmanager
async def recorded() -> AsyncIterator[tuple[httpx.AsyncClient, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    telemetry = recording(SimpleSpanProcessor(exporter))
    async with client_of(create_app(Settings(), telemetry=telemetry)) as client:
        yield client, exporter


async def test_a_request_is_one_server_span_named_by_its_route() -> None:
    async with recorded() as (client, exporter):
        await client.get("/items/2")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("GET /items/{item_id}", SpanKind.SERVER)
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["http.route"] == "/items/{item_id}"


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/items", "GET /items"),
        ("HEAD", "/items/2", "HEAD /items/{item_id}"),
        ("PUT", "/items/2", "PUT /items/{item_id}"),
        ("GET", "/nowhere", "GET"),
    ],
)
async def test_a_span_is_called_after_the_route_whatever_the_method_and_after_the_method_without_one(
    method: str, path: str, name: str
) -> None:
    async with recorded() as (client, exporter):
        await client.request(method, path)
    assert [span.name for span in exporter.get_finished_spans()] == [name]


async def test_a_crash_is_in_the_span_with_its_traceback() -> None:
    exporter = InMemorySpanExporter()
    app = create_app(Settings(), telemetry=recording(SimpleSpanProcessor(exporter)))

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("boom")

    async with client_of(app, raise_app_exceptions=False) as client:
        assert (await client.get("/crash")).status_code == 500
    (span,) = exporter.get_finished_spans()
    (event,) = span.events
    assert span.status.status_code is StatusCode.ERROR
    assert event.attributes is not None
    assert event.attributes["exception.message"] == "boom"
    assert "in crash" in str(event.attributes["exception.stacktrace"])


class OtherFormat(TextMapPropagator):
    """A caller's trace in a header that only this reads."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        (trace_id,) = getter.get(carrier, "x-other-trace") or [""]
        parent = SpanContext(int(trace_id, 16), int(SPAN, 16), is_remote=True, trace_flags=TraceFlags(1))
        return trace.set_span_in_context(NonRecordingSpan(parent), context)

    def inject(self, *_args: object) -> None:
        """Nothing is called."""

    @property
    def fields(self) -> set[str]:
        return {"x-other-trace"}


async def test_where_a_caller_speaks_another_format_a_line_has_the_id_that_its_propagator_finds() -> None:
    propagate.set_global_textmap(OtherFormat())
    telemetry = replace(recording(SimpleSpanProcessor(InMemorySpanExporter())), records=lambda *_: True)
    app = create_app(Settings(), telemetry=telemetry)

    @app.get("/trace")
    async def trace_id() -> str | None:
        return TRACE_ID.get()

    async with client_of(app) as client:
        assert (await client.get("/trace", headers={"x-other-trace": TRACE})).json() == TRACE


async def test_probes_make_no_spans() -> None:
    async with recorded() as (client, exporter):
        await client.get("/livez")
        await client.get("/readyz")
    assert exporter.get_finished_spans() == ()


async def test_a_fault_shows_as_an_error_in_the_span() -> None:
    async with recorded() as (client, exporter):
        await client.post("/blowup", json={"active": True, "type": "503"})
        await client.get("/items")
    assert [span.status.status_code for span in exporter.get_finished_spans()] == [StatusCode.UNSET, StatusCode.ERROR]


@pytest.mark.parametrize("headers", CALLERS.values(), ids=CALLERS)
async def test_a_callers_trace_goes_on_whatever_it_speaks(headers: Mapping[str, str]) -> None:
    async with recorded() as (client, exporter):
        await client.get("/items", headers=headers)
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert trace.format_trace_id(span.context.trace_id) == TRACE
    assert trace.format_span_id(span.parent.span_id) == SPAN


async def test_where_w3c_and_b3_differ_w3c_wins() -> None:
    async with recorded() as (client, exporter):
        await client.get("/items", headers={**CALLERS["W3C"], "b3": f"{'9' * 32}-{'8' * 16}-1"})
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert trace.format_trace_id(span.context.trace_id) == TRACE


@pytest.mark.parametrize("broken", ["", "00-xyz", "0" * 10_000, f"00-{'0' * 32}-{SPAN}-01", "\xff\xfe", "\xff\\x"])
@pytest.mark.parametrize("header", ["traceparent", "b3", "tracestate", "baggage", "x-b3-traceid", "user-agent", "host"])
async def test_broken_trace_headers_break_nothing(header: str, broken: str) -> None:
    async with recorded() as (client, exporter):
        answer = await client.get("/items", headers=[(header.encode(), broken.encode("latin-1"))])
    assert answer.status_code == 200
    assert len(exporter.get_finished_spans()) == 1


def test_nothing_is_exported_and_no_thread_runs_unless_an_endpoint_is_set() -> None:
    before = set(threading.enumerate())
    telemetry = from_settings(Settings(), "catalog")
    assert set(threading.enumerate()) <= before
    assert not telemetry.in_use
    telemetry.close(1)


@pytest.mark.parametrize("switch", [{"otel_sdk_disabled": True}, {"otel_traces_exporter": "none"}])
def test_the_standard_switches_turn_export_off(switch: dict[str, object]) -> None:
    settings = Settings.model_validate({"otel_exporter_otlp_endpoint": "http://collector:4318", **switch})
    assert not settings.exports_traces


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP/HTTP collector: its base URL, and what it was sent."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def exported(received: list[ExportTraceServiceRequest]) -> tuple[set[str], list[str]]:
    """The names of the services and of the spans."""
    resources = [spans for request in received for spans in request.resource_spans]
    names = {
        attribute.value.string_value
        for spans in resources
        for attribute in spans.resource.attributes
        if attribute.key == "service.name"
    }
    return names, [span.name for spans in resources for scope in spans.scope_spans for span in scope.spans]


@pytest.mark.process
def test_spans_reach_the_collector_past_the_proxy_and_before_the_process_ends() -> None:
    with collector() as (url, received), refusing_port() as nobody:
        proxy = f"http://127.0.0.1:{nobody}"
        with running("catalog", OTEL_EXPORTER_OTLP_ENDPOINT=url, HTTP_PROXY=proxy, http_proxy=proxy) as catalog:
            assert httpx.get(f"{catalog.url}/items", trust_env=False).status_code == 200
            assert catalog.terminate() == 0
    assert exported(received) == ({"catalog"}, ["GET /items"])


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ({"catalog"}, ["one"])),
        ({"OTEL_SERVICE_NAME": "shop"}, ({"shop"}, ["one"])),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}, ({"shop"}, ["one"])),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, (set(), [])),
    ],
)
def test_the_standard_variables_name_the_service_and_choose_the_sampler(
    variables: dict[str, str], expected: tuple[set[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as (url, received):
        for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **variables}.items():
            monkeypatch.setenv(name, value)
        telemetry = from_settings(load(Settings, "catalog"), "catalog")
        telemetry.tracer_provider.get_tracer("test").start_span("one").end()
        telemetry.flush()
    assert exported(received) == expected


@pytest.mark.process
def test_a_dead_collector_holds_up_neither_requests_nor_the_exit() -> None:
    with (
        refusing_port() as nobody,
        running("catalog", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{nobody}", DRAIN_SECONDS="1") as catalog,
    ):
        assert httpx.get(f"{catalog.url}/items", trust_env=False).status_code == 200
        assert catalog.terminate() == 0
