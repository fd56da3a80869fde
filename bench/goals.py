"""What was measured, and what it was to be."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.wire import Collected, Tally

ORIGINAL = "original"
FLAT_MB = 2.0
"""How much memory may grow between the first third of a long run and its end, and still be called flat."""
DIALER = (
    "it dials anew for each answer and keeps the connection for a minute: the more it has, the more an answer costs"
)
MEMORY_MB = {"no exporter": 60.0, "sampled": 70.0}
START_SECONDS = {"catalog": 0.5, "webapp": 0.7}
BUSY = 0.9
"""Below this share of its core, a variant waited for the load: its figure is still its own, its rate is not."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A service in one of the states that are compared."""

    service: str
    name: str
    bare: bool = False
    """Telemetry is taken out of the code."""
    exporter: bool = False
    """OTEL_EXPORTER_OTLP_ENDPOINT is set."""
    sampled: bool = False
    """The caller's trace is sampled."""
    metrics: bool = False
    """OTEL_METRICS_EXPORTER=otlp is set."""

    def __str__(self) -> str:
        return f"{self.service}, {self.name}"


@dataclass(slots=True)
class Figures:
    """What one variant cost."""

    variant: Variant
    collected: Collected
    """What its collector got."""
    micros: list[float] = field(default_factory=list)
    """CPU per answer in microseconds, a round each."""
    rates: list[float] = field(default_factory=list)
    """Answers per second."""
    busy: list[float] = field(default_factory=list)
    """Share of its core that it used."""
    load: list[float] = field(default_factory=list)
    """What the other core's work cost, in microseconds per answer."""
    rss: list[float] = field(default_factory=list)
    """Resident memory in MB after each round."""
    marks: list[float] = field(default_factory=list)
    """Resident memory in MB at equal steps of the long run."""
    asked: int = 0
    """All requests, those of warming up and of the long run too."""
    bad: Counter[str] = field(default_factory=Counter)
    starts: list[float] = field(default_factory=list)
    """Seconds of CPU until the first answer."""

    def add(self, tally: Tally, own: float, load: float, rss: float) -> None:
        """Takes in a round: seconds of CPU, the service's and the load's, and MB."""
        self.micros.append(1e6 * own / tally.total)
        self.load.append(1e6 * load / tally.total)
        self.rates.append(tally.total / tally.seconds)
        self.busy.append(own / tally.seconds)
        self.rss.append(rss)

    @property
    def median(self) -> float:
        """CPU per answer in microseconds."""
        return statistics.median(self.micros)


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that was to be reached."""

    what: str
    got: float
    limit: float
    aim: float | None = None
    """What is hoped for beyond the limit."""
    unit: str = ""

    def __str__(self) -> str:
        aim = f", aim {self.aim:g}" if self.aim else ""
        verdict = "met" if self.got <= self.limit else "FELL SHORT"
        return f"{verdict}: {self.what}: {self.got:.2f}{self.unit} (goal {self.limit:g}{self.unit}{aim})"


def goals(measured: Sequence[Figures]) -> Iterator[Goal]:
    """The goals that this run can judge."""
    of = {(figures.variant.service, figures.variant.name): figures for figures in measured}
    for service, limits in (("catalog", ((0.45, 1 / 3), (1.0, 0.8))), ("webapp", ((1.25, 1.0), (1.75, 1.3)))):
        for name, (limit, aim) in zip(("not sampled", "sampled"), limits, strict=True):
            what = f"{service}, {name}: CPU per answer, times the original's"
            yield from _ratio(what, of.get((service, name)), of.get((service, ORIGINAL)), limit, round(aim, 2))
    for service in ("catalog", "webapp"):
        for name in ("no exporter", "not sampled"):
            what = f"{service}, {name}: times what it costs without telemetry"
            yield from _ratio(what, of.get((service, name)), of.get((service, "no telemetry")), 1.1)
    for figures in measured:
        if limit := MEMORY_MB.get(figures.variant.name):
            yield Goal(f"{figures.variant}: memory", max(figures.rss + figures.marks), limit, unit=" MB")
        if figures.marks:
            grown = figures.marks[-1] - figures.marks[len(figures.marks) // 3 - 1]
            yield Goal(f"{figures.variant}: growth in the long run's last two thirds", grown, FLAT_MB, unit=" MB")
    for figures in measured:
        if figures.starts and figures.variant.name == "no exporter":
            service, seconds = figures.variant.service, statistics.median(figures.starts)
            yield Goal(f"{service}: CPU until the first answer", seconds, START_SECONDS[service], unit=" s")


def _ratio(
    what: str, one: Figures | None, other: Figures | None, limit: float, aim: float | None = None
) -> Iterator[Goal]:
    """What one costs, in parts of what the other does, where both were measured."""
    if one and other:
        yield Goal(what, one.median / other.median, limit, aim)


def table(measured: Sequence[Figures]) -> Iterator[str]:
    """The figures as a table in Markdown, a line a variant."""
    yield "| | CPU/answer | rounds | of original | answers/s | core | load/answer | RSS | bad |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    originals = {figures.variant.service: figures for figures in measured if figures.variant.name == ORIGINAL}
    for figures in measured:
        original = originals.get(figures.variant.service)
        ratio = f"{figures.median / original.median:.2f}" if original else "-"
        cells = (
            f"{figures.variant!s:<20}",
            f"{figures.median:.0f} µs",
            f"{min(figures.micros):.0f} to {max(figures.micros):.0f}",
            ratio,
            f"{statistics.median(figures.rates):,.0f}",
            f"{statistics.median(figures.busy):.0%}",
            f"{statistics.median(figures.load):.0f} µs",
            f"{figures.rss[-1]:.1f} MB",
            str(figures.bad.total()),
        )
        yield f"| {' | '.join(cells)} |"


def remarks(measured: Sequence[Figures]) -> Iterator[str]:
    """What a reader of the table has to know besides."""
    for figures in measured:
        variant, collected = figures.variant, figures.collected
        if figures.bad:
            yield f"{variant}: bad answers: {', '.join(f'{n} of {what}' for what, n in figures.bad.most_common())}"
        if variant == Variant("webapp", ORIGINAL):
            yield f"{variant}: turn by turn {' '.join(f'{micros:.0f}' for micros in figures.micros)} µs; {DIALER}"
        if variant.sampled:
            yield f"{variant}: {collected.spans:,} spans arrived from {figures.asked:,} requests"
        elif collected.spans:
            yield f"{variant}: {collected.spans:,} spans arrived, though nothing was sampled"
        if variant.metrics:
            yield f"{variant}: {collected.points:,} data points arrived" + (
                "" if collected.points else "; it sends none"
            )
        if statistics.median(figures.busy) < BUSY:
            yield f"{variant}: kept {statistics.median(figures.busy):.0%} of its core busy"
        if figures.marks:
            yield f"{variant}: memory in the long run: {' '.join(f'{mark:.1f}' for mark in figures.marks)} MB"
        if figures.starts:
            yield f"{variant}: CPU until the first answer: {' '.join(f'{start:.2f}' for start in figures.starts)} s"
