"""What leaves a process for a collector: metrics, the resource, the sampler's choice; and a collector that hangs."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import trustme
from opentelemetry import propagate, trace
from opentelemetry.context import get_value, set_value
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.catalog.app import create_app
from services.catalog.settings import Settings
from services.chassis import exporting
from services.chassis.exporting import AsTheCallerSpeaks, GatesIds, recording
from services.chassis.identity import Identity
from services.chassis.logs import TRACE_ID
from services.chassis.settings import load
from services.chassis.telemetry import Telemetry, from_settings
from services.chassis.trace import NOBODY, Caller
from tests.services.asgi import client_of
from tests.services.processes import running

LOW, HIGH = "0" * 31 + "1", "f" * 32
"""Trace ids: a ratio takes the first and leaves the second."""
YES, NO = Caller(HIGH, sampled=True), Caller(LOW, sampled=False)
POD = {"POD_NAME": "catalog-v2-1", "POD_NAMESPACE": "istioinaction", "SERVICE_VERSION": "v2"}
SAYS = {
    "service.name": "catalog",
    "service.version": "v2",
    "service.namespace": "istioinaction",
    "service.instance.id": "catalog-v2-1",
    "k8s.namespace.name": "istioinaction",
    "k8s.pod.name": "catalog-v2-1",
}


@pytest.fixture(autouse=True)
def propagator() -> Iterator[None]:
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)


@contextmanager
def collector(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """An OTLP/HTTP collector: its base URL, and the bodies that it was sent by path."""
    received: dict[str, list[bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.setdefault(self.path, []).append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def known(resource: Resource) -> dict[str, str]:
    found = {pair.key: pair.value.string_value for pair in resource.attributes}
    return {name: found.get(name, "") for name in SAYS}


def counted(metrics: ExportMetricsServiceRequest) -> list[tuple[int, str]]:
    """How often each route was asked for."""
    found = {metric.name: metric for scope in metrics.resource_metrics[0].scope_metrics for metric in scope.metrics}
    points = found["http.server.request.duration"].histogram.data_points
    return [
        (point.count, {pair.key: pair.value.string_value for pair in point.attributes}["http.route"])
        for point in points
    ]


async def test_spans_and_metrics_of_one_app_say_which_pod_it_is_and_what_it_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collector() as (url, received):
        # An exporter takes no proxy: it may be the pod's sidecar, and nobody is at this one.
        nobody = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "otlp"}
        for name, value in {**POD, **nobody, **on}.items():
            monkeypatch.setenv(name, value)
        asked: list[str] = []
        transport = exporting._transport
        monkeypatch.setattr(exporting, "_transport", lambda signal: asked.append(signal) or transport(signal))
        settings = load(Settings, "catalog")
        telemetry = from_settings(settings, "catalog")
        assert asked == ["TRACES", "METRICS"]
        assert telemetry.identity == Identity.of("catalog", settings)
        assert telemetry.counts
        async with client_of(create_app(settings, telemetry=telemetry)) as client:
            for path in ("/items/1", "/items/2", "/livez"):
                assert (await client.get(path)).status_code == 200
        telemetry.flush()
    (spans,) = (ExportTraceServiceRequest.FromString(body) for body in received["/v1/traces"])
    metrics = ExportMetricsServiceRequest.FromString(received["/v1/metrics"][-1])
    assert [known(sent.resource) for sent in (*spans.resource_spans, *metrics.resource_metrics)] == [SAYS, SAYS]
    names = [span.name for scope in spans.resource_spans[0].scope_spans for span in scope.spans]
    assert names == ["GET /items/{item_id}"] * 2
    assert counted(metrics) == [(2, "/items/{item_id}")]


@pytest.mark.process
@pytest.mark.long
def test_spans_and_metrics_say_which_pod_of_which_version_they_are_of_and_every_request_is_counted() -> None:
    with collector() as (url, received):
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "always_off"}
        with running("catalog", **POD, **on) as catalog:
            for _ in range(3):
                httpx.get(f"{catalog.url}/items/1", trust_env=False)
            assert catalog.terminate() == 0
        with running("catalog", **POD, OTEL_EXPORTER_OTLP_ENDPOINT=url) as catalog:
            httpx.get(f"{catalog.url}/items", trust_env=False)
            assert catalog.terminate() == 0
    (spans,) = (ExportTraceServiceRequest.FromString(body) for body in received["/v1/traces"])
    assert [known(sent.resource) for sent in spans.resource_spans] == [SAYS]
    last = ExportMetricsServiceRequest.FromString(received["/v1/metrics"][-1])
    assert [known(sent.resource) for sent in last.resource_metrics] == [SAYS]
    assert counted(last) == [(3, "/items/{item_id}")]


@pytest.mark.parametrize("signal", ["", "TRACES_"])
def test_a_collector_behind_tls_is_known_by_its_certificate_and_knows_the_service_by_its_own(
    signal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, files = (
        trustme.CA(),
        {name: tmp_path / name for name in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")},
    )
    own = authority.issue_cert("catalog")
    authority.cert_pem.write_to_path(files["CERTIFICATE"])
    own.cert_chain_pems[0].write_to_path(files["CLIENT_CERTIFICATE"])
    own.private_key_pem.write_to_path(files["CLIENT_KEY"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with collector(tls) as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        for name, file in files.items():
            monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal}{name}", str(file))
        telemetry = from_settings(load(Settings, "catalog"), "catalog")
        telemetry.tracer_provider.get_tracer("test").start_span("one").end()
        telemetry.flush()
    assert len(received["/v1/traces"]) == 1


@pytest.mark.process
def test_an_exporter_comes_without_requests_which_would_take_5_mb_of_memory() -> None:
    start = "import services.chassis.exporting as e, sys; e._transport('TRACES'); print('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", start], capture_output=True, check=True).stdout == b"False\n"


@pytest.mark.parametrize(
    ("sampler", "caller", "trace_id", "recorded"),
    [
        ("parentbased_always_on", NOBODY, HIGH, True),
        ("parentbased_always_on", YES, HIGH, True),
        ("parentbased_always_on", NO, LOW, False),
        ("parentbased_always_off", NOBODY, LOW, False),
        ("parentbased_always_off", YES, HIGH, True),
        ("parentbased_traceidratio", NOBODY, LOW, True),
        ("parentbased_traceidratio", NOBODY, HIGH, False),
        ("parentbased_traceidratio", YES, HIGH, True),
        ("parentbased_traceidratio", NO, LOW, False),
        ("always_on", NO, LOW, True),
        ("always_off", YES, HIGH, False),
        ("traceidratio", NO, LOW, True),
        ("traceidratio", YES, HIGH, False),
    ],
)
def test_the_gate_decides_as_the_sampler_does(
    sampler: str, caller: Caller, trace_id: str, recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    telemetry = recording(_Nobody())
    assert telemetry.records(caller, trace_id) is recorded
    telemetry.flush()


class _Nobody(SpanProcessor):
    """Takes no spans."""


def test_the_end_does_not_wait_for_a_flush_that_takes_longer_than_there_is_time() -> None:
    over = threading.Event()
    began = threading.Event()

    def flush() -> None:
        began.set()
        over.wait()

    before = set(threading.enumerate())
    Telemetry(flush=flush).close(0.01)
    assert began.is_set()
    # One that is no daemon would hold up the interpreter's exit.
    assert [thread.daemon for thread in set(threading.enumerate()) - before] == [True]
    over.set()


@pytest.mark.parametrize(
    ("variables", "verify", "pair"),
    [
        ({}, True, None),
        ({"CERTIFICATE": "ca.pem"}, "ca.pem", None),
        ({"CERTIFICATE": "ca.pem", "TRACES_CERTIFICATE": "traces.pem"}, "traces.pem", None),
        ({"METRICS_CERTIFICATE": "metrics.pem"}, True, None),
        ({"CLIENT_CERTIFICATE": "both.pem"}, True, "both.pem"),
        ({"CLIENT_CERTIFICATE": "cert.pem", "CLIENT_KEY": "key.pem"}, True, ("cert.pem", "key.pem")),
        ({"CLIENT_KEY": "key.pem"}, True, None),
    ],
)
def test_the_standard_variables_say_whom_to_trust_and_who_asks(
    variables: dict[str, str], verify: object, pair: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    monkeypatch.setattr(exporting, "Urllib3HTTPTransport", lambda *, verify, cert: (verify, cert))
    assert exporting._transport("TRACES") == (verify, pair)


def test_a_trace_begins_under_the_id_that_the_gate_has_decided_on() -> None:
    before = TRACE_ID.set(LOW)
    assert GatesIds().generate_trace_id() == int(LOW, 16)
    telemetry = recording(_Nobody())
    assert telemetry.tracer_provider.get_tracer("any").start_span("one").get_span_context().trace_id == int(LOW, 16)
    telemetry.flush()
    TRACE_ID.set(None)
    assert len({GatesIds().generate_trace_id() for _ in range(3)}) == 3
    TRACE_ID.reset(before)


def test_formats_that_are_asked_for_are_heeded_and_leave_the_decision_to_their_propagator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked_for = TraceContextTextMapPropagator()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for propagators, decides in (("tracecontext", True), (None, False)):
        propagate.set_global_textmap(asked_for)
        settings = load(Settings, "catalog").model_copy(update={"otel_propagators": propagators})
        telemetry = from_settings(settings, "catalog")
        assert telemetry.records(NO, LOW) is decides
        assert (propagate.get_global_textmap() is asked_for) is decides
        telemetry.flush()


def test_headers_are_written_of_the_context_that_is_given() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    parent = tracer.start_span("parent")
    span = tracer.start_span("child", trace.set_span_in_context(parent))
    trace_id, span_id, parent_id = (
        trace.format_trace_id(span.get_span_context().trace_id),
        *(trace.format_span_id(one.get_span_context().span_id) for one in (span, parent)),
    )
    headers = {"b3": "the caller's", "x-b3-traceid": "the caller's"}
    AsTheCallerSpeaks().inject(headers, trace.set_span_in_context(span))
    assert headers == {
        "traceparent": f"00-{trace_id}-{span_id}-{span.get_span_context().trace_flags:02x}",
        "b3": f"{trace_id}-{span_id}-1",
        "x-b3-traceid": trace_id,
        "x-b3-spanid": span_id,
        "x-b3-parentspanid": parent_id,
        "x-b3-sampled": "1",
    }


@pytest.mark.parametrize(
    "headers", [{}, {"traceparent": f"00-{HIGH}-b7ad6b7169203331-01"}, {"b3": f"{HIGH}-b7ad6b7169203331-1"}]
)
def test_what_a_context_holds_is_still_there_with_the_callers_span(headers: dict[str, str]) -> None:
    found = AsTheCallerSpeaks().extract(headers, set_value("key", "value"))
    assert get_value("key", found) == "value"
    assert trace.get_current_span(found).get_span_context().is_valid is bool(headers)


@pytest.mark.process
@pytest.mark.long
def test_a_collector_that_takes_calls_and_never_answers_holds_up_neither_requests_nor_the_exit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # The exporter itself would wait for an hour.
        patience = {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600", "OTEL_METRICS_EXPORTER": "otlp", "DRAIN_SECONDS": "2"}
        with running("catalog", OTEL_EXPORTER_OTLP_ENDPOINT=url, **patience) as catalog:
            assert httpx.get(f"{catalog.url}/items", trust_env=False).status_code == 200
            assert catalog.terminate() == 0
