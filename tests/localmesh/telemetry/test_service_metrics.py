from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from localmesh.telemetry import service_metrics
from localmesh.telemetry.exposition import labels_of, name_of, samples
from localmesh.telemetry.service_metrics import STALE_S, BadMetricsError, ServiceMetrics
from tests.localmesh.telemetry.making import counted


def shown(*bodies: bytes) -> dict[str, float]:
    metrics = ServiceMetrics()
    for body in bodies:
        metrics.take(body)
    return dict(samples(metrics.text()))


def test_a_sender_says_all_that_it_counts_each_time_and_others_stay() -> None:
    found = shown(counted(value=3), counted("catalog-2", value=5), counted(value=4))
    assert {labels_of(series)["pod"]: value for series, value in found.items()} == {"catalog-1": 4, "catalog-2": 5}


def test_names_units_and_labels_are_made_as_opentelemetry_says() -> None:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics  # noqa: PLC0415

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({"service.name": "web"}), shutdown_on_exit=False)
    meter = provider.get_meter("tests")
    meter.create_counter("http.client.calls", unit="{call}").add(2, {"http.route": "/items"})
    meter.create_up_down_counter("active").add(-1)
    durations = meter.create_histogram("http.server.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1])
    for seconds in (0.05, 0.5, 5):
        durations.record(seconds, {"path": 'a "quoted"\nline'})
    data = reader.get_metrics_data()
    assert data
    metrics = ServiceMetrics()
    metrics.take(encode_metrics(data).SerializeToString())
    provider.shutdown()
    text = metrics.text()
    assert "# TYPE http_client_calls_total counter\n" in text
    assert 'http_client_calls_total{http_route="/items",job="web"} 2\n' in text
    assert "# TYPE active gauge\n" in text
    assert 'active{job="web"} -1\n' in text
    assert "# TYPE http_server_duration_seconds histogram\n" in text
    buckets = {labels_of(name)["le"]: value for name, value in samples(text) if name_of(name).endswith("_bucket")}
    assert buckets == {"0.1": 1, "1": 2, "+Inf": 3}
    assert {labels_of(name).get("path") for name, _ in samples(text) if "duration" in name} == {'a "quoted"\nline'}
    assert 'seconds_count{path="a \\"quoted\\"\\nline",job="web"} 3\n' in text


def test_what_came_since_the_last_time_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadMetricsError, match="TEMPORALITY_PREFERENCE=cumulative"):
        ServiceMetrics().take(counted(aggregation_temporality=1))
    with pytest.raises(BadMetricsError, match="no OTLP metrics"):
        ServiceMetrics().take(b"\xff")


def test_kinds_without_a_form_and_empty_bodies_have_no_lines() -> None:
    request = ExportMetricsServiceRequest.FromString(counted())
    metric: Any = request.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.summary.data_points.add()
    assert shown(request.SerializeToString(), b"") == {}


def test_a_sender_that_is_silent_is_forgotten() -> None:
    times = iter([0.0, 200.0, STALE_S + 1])
    metrics = ServiceMetrics(clock=lambda: next(times))
    metrics.take(counted("old"))
    metrics.take(counted("new"))
    text = metrics.text()
    assert 'pod="new"' in text
    assert 'pod="old"' not in text


def test_so_many_senders_and_lines_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_metrics, "MAX_SENDERS", 2)
    found = shown(counted("a"), counted("b"), counted("a"), counted("c"))
    assert sorted(labels_of(series)["pod"] for series in found) == ["a", "c"]
    monkeypatch.setattr(service_metrics, "MAX_LINES", 2)
    assert shown(counted()) == {}


def test_a_sender_that_counts_without_end_is_cut_off_before_it_fills_the_memory() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="n" * 60_000)
    for _ in range(10_000):
        metric.gauge.data_points.add()
    metrics = ServiceMetrics()
    metrics.take(request.SerializeToString())
    assert len(metrics.text()) < service_metrics.MAX_CHARACTERS * 1.1


def test_all_senders_together_keep_no_more_than_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_metrics, "MAX_TOTAL", 300)
    found = shown(counted("a"), counted("b"), counted("c"))
    assert "a" not in {labels_of(series)["pod"] for series in found}
    assert found


def test_what_prometheus_would_refuse_the_whole_page_for_is_written_otherwise() -> None:
    request = ExportMetricsServiceRequest.FromString(counted())
    metric: Any = request.resource_metrics[0].scope_metrics[0].metrics[0]
    metric.description = r"a \d"
    metric.sum.data_points[0].attributes.add(key="1st").value.string_value = "x\u2028y\r"
    metric.sum.data_points[0].attributes.add(key="").value.string_value = "z"
    metrics = ServiceMetrics()
    metrics.take(request.SerializeToString())
    assert r"# HELP requests_total a \\d" in metrics.text()
    (series,) = dict(samples(metrics.text()))
    assert {"key_1st": "x\u2028y\r", "key_": "z"}.items() <= labels_of(series).items()


def test_bounds_that_differ_late_are_two_and_a_histogram_without_buckets_has_its_count() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="h")
    metric.histogram.aggregation_temporality = 2
    metric.histogram.data_points.add(explicit_bounds=[1234567, 1234568], bucket_counts=[1, 1, 1], count=3)
    assert [labels_of(series)["le"] for series in shown(request.SerializeToString()) if "le=" in series] == [
        "1234567", "1234568", "+Inf",
    ]  # fmt: skip
    del metric.histogram.data_points[0].explicit_bounds[:]
    del metric.histogram.data_points[0].bucket_counts[:]
    assert {labels_of(series)["le"]: value for series, value in shown(request.SerializeToString()).items()
                             if "le=" in series} == {"+Inf": 3.0}  # fmt: skip
