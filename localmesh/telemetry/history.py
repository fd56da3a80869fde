"""What the counters of all proxies said in the last minutes, summed by the labels that somebody asks for."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from localmesh.telemetry.exposition import explicit, labels_of, name_of
from localmesh.telemetry.expressions import KEPT, Expression

Labels = tuple[tuple[str, str], ...]
"""Sorted pairs: a series' identity."""

LENGTH = 450
"""Points that are kept: 15 minutes at one every two seconds."""

MAX_SERIES = 20_000
"""More than that is no lab any more; series beyond it are not kept."""


class Value(Struct, frozen=True):
    """An expression's value for one combination of labels."""

    labels: Mapping[str, str]
    value: float


class _Series(Struct):
    """One metric with one combination of kept labels."""

    labels: Mapping[str, str]
    total: float = 0.0
    points: "array[float]" = field(default_factory=lambda: array("d", bytes(8 * LENGTH)))
    """The total at each point of time, in a ring."""


class _Raw(Struct):
    """A counter as one proxy shows it."""

    series: _Series
    last: float = 0.0


class History:
    """Takes what proxies count, and answers expressions over the last minutes.

    A counter that falls belongs to a proxy that was started anew: it counts from 0. One that is met for the first time
    has counted since the last look, unless its proxy was there before anybody looked, whether or not it answered at
    once: what happened before is no rate of now.
    """

    def __init__(self) -> None:
        self._series: dict[str, dict[Labels, _Series]] = {metric: {} for metric in KEPT}
        self._raw: dict[str, dict[str, _Raw | None]] = defaultdict(dict)
        self._sources: set[str] = set()
        """All that are there."""

        self._awaited: set[str] = set()
        """Those that were there at the first look and have not answered yet."""

        self._times: list[float] = []
        self._next = 0

    def take(self, source: str, samples: Iterable[tuple[str, float]]) -> None:
        """Add what one source counts now. Metrics that nobody asks for are passed over."""
        known = self._raw[source]
        for text, value in samples:
            if text not in known:
                known[text] = self._raw_of(text)
            raw = known[text]
            if raw is not None:
                raw.series.total += value - raw.last if value >= raw.last else value
                raw.last = value
        if source in self._awaited:
            self._awaited.discard(source)
            for raw in filter(None, known.values()):
                raw.series.points = array("d", (point + raw.last for point in raw.series.points))

    def forget_all_but(self, sources: Iterable[str]) -> None:
        """Forget the counters of sources that are gone; what they counted stays."""
        self._sources = set(sources)
        for gone in self._raw.keys() - self._sources:
            del self._raw[gone]

    def tick(self, now: float) -> None:
        """Close a point of time: what was taken so far is what had been counted by then. The first has somebody."""
        if not self._times and not self._raw:
            return
        index = self._next % LENGTH
        for series in self._all():
            series.points[index] = series.total
        if not self._times:
            # What was counted before anybody looked was counted at no known time.
            for series in self._all():
                series.points = array("d", [series.total] * LENGTH)
            self._awaited = self._sources - self._raw.keys()
        self._times = [*self._times[-(LENGTH - 1) :], now]
        self._next += 1

    @property
    def times(self) -> list[float]:
        """The points of time that are known, the oldest first."""
        return list(self._times)

    def value(self, expression: Expression, at: float) -> list[Value]:
        """Return an expression's values at a time, those of the last point before it."""
        end = bisect_left(self._times, at + 1e-9) - 1
        if end < 0:
            return []
        begin = min(bisect_left(self._times, self._times[end] - expression.window_s - 0.5), end)
        sums = self._sums(expression, begin, end)
        if expression.quantile is not None:
            return _quantiles(sums, expression.quantile)
        return [Value(dict(labels), value) for labels, value in sums.items()]

    def _sums(self, expression: Expression, begin: int, end: int) -> dict[Labels, float]:
        """Return the sums by the expression's labels, as rates if it asks for one."""
        seconds = self._times[end] - self._times[begin]
        by = (*expression.by, "le") if expression.quantile is not None else expression.by
        sums: dict[Labels, float] = defaultdict(float)
        for series in self._series[expression.metric].values():
            if expression.reporter in ("", series.labels.get("reporter", "")):
                value = series.points[self._slot(end)]
                if expression.window_s:
                    value = (value - series.points[self._slot(begin)]) / seconds if seconds else 0.0
                sums[tuple((name, series.labels.get(name, "")) for name in by)] += value
        return sums

    def _slot(self, index: int) -> int:
        """Return where in the ring a point lies, given by its place among `times`."""
        return (self._next - len(self._times) + index) % LENGTH

    def _all(self) -> Iterator[_Series]:
        for by_labels in self._series.values():
            yield from by_labels.values()

    def _raw_of(self, text: str) -> _Raw | None:
        metric = name_of(text)
        if metric not in KEPT:
            return None
        labels = labels_of(explicit(text))
        kept = {name: labels.get(name, "") for name in KEPT[metric]}
        series, key = self._series[metric], tuple(sorted(kept.items()))
        if key not in series:
            if sum(map(len, self._series.values())) >= MAX_SERIES:
                return None
            series[key] = _Series(kept)
        return _Raw(series[key])


def _quantiles(sums: Mapping[Labels, float], quantile: float) -> list[Value]:
    """Return the quantile of each histogram, NaN for one that counted nothing."""
    histograms: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in sums.items():
        *rest, (_, bound) = labels
        histograms[tuple(rest)].append((float(bound.replace("+Inf", "inf")), count))
    return [Value(dict(labels), quantile_of(sorted(buckets), quantile)) for labels, buckets in histograms.items()]


def quantile_of(buckets: list[tuple[float, float]], quantile: float) -> float:
    """Return a quantile from cumulative buckets (upper bound, count), as Prometheus' histogram_quantile does.

    Within a bucket values are taken to lie evenly; above the last bound nothing is known, so that bound is returned.
    """
    total = buckets[-1][1]
    if total <= 0:
        return float("nan")
    rank, lower, below = quantile * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return lower if bound == float("inf") else lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower
