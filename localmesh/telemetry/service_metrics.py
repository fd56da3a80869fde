"""Metrics of the services themselves: taken as OTLP, shown in Prometheus' text format.

Names, units and labels are made as OpenTelemetry says, so that a collector's Prometheus exporter would show the same:
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

import itertools
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from localmesh.telemetry.exposition import label_text, merged
from localmesh.telemetry.spans import MAX_TEXT, attributes

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint

MAX_SENDERS = 200
MAX_LINES = 5000
MAX_CHARACTERS = 2_000_000
"""Of one sender: a label with a value for each request must not fill the memory."""

MAX_TOTAL = 32_000_000
"""Characters of all."""

STALE_S = 300.0
"""How long a sender's last word counts, as in Prometheus."""

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "By": "bytes", "%": "percent"}
_ODD = re.compile(r"[^a-zA-Z0-9_]+")
_CUMULATIVE = 2
"""AGGREGATION_TEMPORALITY_CUMULATIVE of OTLP."""


class BadMetricsError(Exception):
    """What was sent are no metrics that can be shown; the text says what was wrong."""


class ServiceMetrics(Struct):
    """What each service said last: one that exports says everything that it counts each time."""

    clock: Callable[[], float] = time.monotonic
    _pages: OrderedDict[str, tuple[float, str]] = field(default_factory=OrderedDict)
    """When each sender spoke, and its page; by its labels, whoever spoke last at the end."""

    def take(self, body: bytes) -> None:
        """Take an OTLP body in protobuf. Raises BadMetricsError."""
        for labels, page in _pages(body):
            self._pages[labels] = self.clock(), page
            self._pages.move_to_end(labels)
            while len(self._pages) > MAX_SENDERS or sum(len(page) for _, page in self._pages.values()) > MAX_TOTAL:
                self._pages.popitem(last=False)

    def text(self) -> str:
        """Return one page for all who have spoken lately."""
        since = self.clock() - STALE_S
        while self._pages and next(iter(self._pages.values()))[0] < since:
            self._pages.popitem(last=False)
        return merged((page, {}) for _, page in self._pages.values())


def _pages(body: bytes) -> Iterator[tuple[str, str]]:
    from google.protobuf.message import DecodeError  # noqa: PLC0415 -- 0.1 s that only a service that counts costs
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
        ExportMetricsServiceRequest,
    )

    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadMetricsError(f"no OTLP metrics in protobuf: {error}") from error
    for group in request.resource_metrics:
        own = _sender(attributes(group.resource.attributes))
        metrics = (metric for scope in group.scope_metrics for metric in scope.metrics)
        yield label_text(own), _page(line for metric in metrics for line in _lines(metric, own))


def _page(lines: Iterator[str]) -> str:
    """Return as much as is kept of what a sender counts; the rest is not even written down."""
    kept, size = [], 0
    for line in itertools.islice(lines, MAX_LINES):
        size += len(line) + 1
        if size > MAX_CHARACTERS:
            break
        kept.append(line)
    return "\n".join(kept)


def _sender(resource: Mapping[str, str]) -> dict[str, str]:
    """Return the labels by which a sender's samples are known: Istio's `namespace` and `pod`, and Prometheus' `job`."""
    name, namespace = resource.get("service.name", "unknown"), resource.get("service.namespace", "")
    labels = {
        "namespace": resource.get("k8s.namespace.name", namespace),
        "pod": resource.get("k8s.pod.name", resource.get("service.instance.id", "")),
        "job": f"{namespace}/{name}" if namespace else name,
    }
    return {label: value for label, value in labels.items() if value}


def _lines(metric: "Metric", own: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of one metric; kinds without a form in this format (exponential histograms) have none."""
    kind = metric.WhichOneof("data")
    if kind not in ("gauge", "sum", "histogram"):
        return
    data = getattr(metric, kind)
    if kind != "gauge" and data.aggregation_temporality != _CUMULATIVE:
        how = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"
        raise BadMetricsError(f"{metric.name} says what came since the last time; its sum is wanted: {how}")
    is_counter = kind == "sum" and data.is_monotonic
    name = _name(metric, is_counter=is_counter)
    if metric.description:
        words = " ".join(metric.description[:MAX_TEXT].split()).replace("\\", r"\\")
        yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {'counter' if is_counter else 'histogram' if kind == 'histogram' else 'gauge'}"
    for point in data.data_points:
        labels = {**_labels(point.attributes), **own}
        yield from _buckets(name, labels, point) if kind == "histogram" else (_sample(name, labels, _value(point)),)


def _name(metric: "Metric", *, is_counter: bool) -> str:
    name = _ODD.sub("_", metric.name[:MAX_TEXT]).strip("_") or "unnamed"
    unit = _UNITS.get(metric.unit, "")
    name = f"{name}_{unit}" if unit and not name.endswith(f"_{unit}") else name
    name = f"{name}_total" if is_counter and not name.endswith("_total") else name
    return f"_{name}" if name[0].isdigit() else name


def _labels(pairs: "Iterable[KeyValue]") -> dict[str, str]:
    return {_label(name): value for name, value in attributes(pairs).items()}


def _label(name: str) -> str:
    """Return a label's name: Prometheus would refuse the whole page for one that is empty or begins with a digit."""
    label = _ODD.sub("_", name)
    return f"key_{label}" if not label or label[0].isdigit() else label


def _value(point: "NumberDataPoint") -> float:
    return float(point.as_int if point.WhichOneof("value") == "as_int" else point.as_double)


def _buckets(name: str, labels: Mapping[str, str], point: "HistogramDataPoint") -> Iterator[str]:
    total = 0
    for bound, count in zip(point.explicit_bounds, point.bucket_counts, strict=False):
        total += count
        yield _sample(f"{name}_bucket", {**labels, "le": repr(bound).removesuffix(".0")}, total)
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, point.count)
    yield _sample(f"{name}_sum", labels, point.sum)
    yield _sample(f"{name}_count", labels, point.count)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    return f"{name}{{{label_text(labels)}}} {value:.17g}"
