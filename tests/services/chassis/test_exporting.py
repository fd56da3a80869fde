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
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.sdk.trace import SpanProcessor

from services.catalog.settings import Settings
from services.chassis.exporting import recording
from services.chassis.settings import load
from services.chassis.telemetry import Telemetry, from_settings
from services.chassis.trace import NOBODY, Caller
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
    metrics = {metric.name: metric for scope in last.resource_metrics[0].scope_metrics for metric in scope.metrics}
    points = metrics["http.server.request.duration"].histogram.data_points
    assert [
        (point.count, {pair.key: pair.value.string_value for pair in point.attributes}["http.route"])
        for point in points
    ] == [(3, "/items/{item_id}")]


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

    Telemetry(flush=flush).close(0.01)
    assert began.is_set()
    over.set()


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
