"""A recorded call, as OpenTelemetry's semantic conventions for HTTP have it: its client span, and its duration."""

import time
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode

from services.chassis.calls import recorded
from services.chassis.telemetry import Telemetry

WHERE = {"http.request.method": "GET", "server.address": "catalog", "server.port": 3000}
URL = "http://catalog:3000/items?color=red"
UNREACHED = httpx.ConnectError("nobody is there")
CAME = {
    200: {"http.response.status_code": 200, "network.protocol.version": "1.1"},
    302: {"http.response.status_code": 302, "network.protocol.version": "1.1"},
    404: {"http.response.status_code": 404, "network.protocol.version": "1.1", "error.type": "404"},
    503: {"http.response.status_code": 503, "network.protocol.version": "1.1", "error.type": "503"},
    UNREACHED: {"error.type": "ConnectError"},
}
FAILED = {404, 503, UNREACHED}


class Recording:
    """One call inside of a request, and what was recorded of it."""

    def __init__(self, *, sampled: bool = True, counts: bool = True) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self._tracers = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
        self._tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        meters = MeterProvider([self._reader])
        self._telemetry = Telemetry(
            tracer_provider=self._tracers, meter_provider=meters, records=lambda *_: sampled, counts=counts
        )
        self.heard: list[httpx.Request] = []

    async def call(self, came: int | httpx.HTTPError, url: str = URL) -> None:
        async def send(request: httpx.Request) -> httpx.Response:
            self.heard.append(request)
            if isinstance(came, httpx.HTTPError):
                raise came
            return httpx.Response(came)

        with self._tracers.get_tracer("test").start_as_current_span("the request", end_on_exit=False):
            await recorded(send, self._telemetry)(httpx.Request("GET", url))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def durations(self) -> list[tuple[str, str | None, dict[str, Any], int]]:
        return [
            (metric.name, metric.unit, dict(point.attributes or {}), point.count) for metric, point in self.histograms()
        ]

    def histograms(self) -> list[tuple[Metric, HistogramDataPoint]]:
        data = self._reader.get_metrics_data()
        resources = data.resource_metrics if data else []
        metrics = [metric for of in resources for scope in of.scope_metrics for metric in scope.metrics]
        return [
            (metric, point)
            for metric in metrics
            if isinstance(metric.data, Histogram)
            for point in metric.data.data_points
        ]


@pytest.mark.parametrize("came", CAME, ids=str)
async def test_a_call_of_a_recorded_request_is_one_client_span_and_one_duration(came: int | httpx.HTTPError) -> None:
    recording = Recording()
    if isinstance(came, httpx.HTTPError):
        with pytest.raises(httpx.ConnectError):
            await recording.call(came)
    else:
        await recording.call(came)
    (span,) = recording.spans
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.attributes == {**WHERE, "url.full": URL, **CAME[came]}
    assert span.status.status_code is (StatusCode.ERROR if came in FAILED else StatusCode.UNSET)
    assert [event.name for event in span.events] == ["exception"] * (came is UNREACHED)
    assert recording.durations() == [("http.client.request.duration", "s", {**WHERE, **CAME[came]}, 1)]
    assert "traceparent" in recording.heard[0].headers


async def test_a_duration_is_in_seconds_and_goes_into_the_buckets_of_the_conventions() -> None:
    recording, began = Recording(), time.perf_counter()
    await recording.call(200)
    ((_, point),) = recording.histograms()
    assert 0 < point.sum < time.perf_counter() - began
    assert point.explicit_bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


async def test_a_url_without_a_port_is_called_at_http_s_own() -> None:
    recording = Recording()
    await recording.call(200, "http://catalog/items")
    (span,) = recording.spans
    assert span.attributes is not None
    assert span.attributes["server.port"] == 80


@pytest.mark.parametrize("counts", [True, False])
async def test_a_call_of_a_request_that_nobody_records_is_counted_if_anything_and_its_headers_stay(
    counts: bool,
) -> None:
    recording = Recording(sampled=False, counts=counts)
    await recording.call(200)
    assert recording.spans == []
    assert "traceparent" not in recording.heard[0].headers
    assert [count for *_, count in recording.durations()] == [1] * counts


async def test_where_nothing_is_ever_recorded_calls_are_made_as_they_are() -> None:
    async def send(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    assert recorded(send, Telemetry()) is send
