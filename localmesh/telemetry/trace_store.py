"""The traces of the last while: as many as fit, the oldest out first."""

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from localmesh.telemetry.spans import Span

MAX_TRACES = 2000
MAX_BYTES = 32 * 1024 * 1024
MAX_SPANS = 2000
"""Of one trace: a loop must not push out everything else."""


class Trace(Struct):
    """The spans of one trace, as far as they have come in."""

    id: str
    spans: dict[tuple[str, str, str], Span] = field(default_factory=dict)
    """By id, kind and service: what is sent twice is there once."""

    size: int = 0
    """Bytes, roughly."""

    left_out: int = 0
    """Spans that came after MAX_SPANS."""

    @property
    def start_us(self) -> int:
        """Microseconds since 1970."""
        return min(span.start_us for span in self._timed())

    @property
    def duration_us(self) -> int:
        """From the first span's start to the last one's end."""
        return max(span.start_us + span.duration_us for span in self._timed()) - self.start_us

    def _timed(self) -> list[Span]:
        """Return the spans that say when they were: in Zipkin's form one need not, and 1970 would be its beginning."""
        return [span for span in self.spans.values() if span.start_us] or list(self.spans.values())

    @property
    def root(self) -> Span:
        """The span without a parent here, the earliest of several."""
        ids = {span.id for span in self.spans.values()}
        tops = [span for span in self.spans.values() if span.parent_id not in ids]
        return min(tops or self.spans.values(), key=lambda span: span.start_us)

    @property
    def services(self) -> list[str]:
        """Who took part, by name."""
        return sorted({span.service for span in self.spans.values()})

    @property
    def errors(self) -> int:
        """How many spans failed."""
        return sum(span.is_error for span in self.spans.values())


class TraceQuery(Struct, frozen=True):
    """Which traces somebody wants to see."""

    service: str = ""
    """One that took part; "" for any."""

    min_duration_us: int = 0
    errors: bool = False
    """Whether only those whose root failed."""

    retried: bool = False
    """Whether only those in which something was tried again."""

    limit: int = 50

    def __contains__(self, trace: Trace) -> bool:
        return (
            (not self.service or self.service in trace.services)
            and trace.duration_us >= self.min_duration_us
            and (not self.errors or trace.root.is_error)
            and (not self.retried or any("retry.count" in span.tags for span in trace.spans.values()))
        )


class TraceStore:
    """A ring of traces, bounded by their number and by their bytes."""

    def __init__(self, max_traces: int = MAX_TRACES, max_bytes: int = MAX_BYTES) -> None:
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._max_traces = max_traces
        self._max_bytes = max_bytes
        self.size = 0
        """Bytes of all traces, roughly."""

        self.dropped = 0
        """Traces that had to make room."""

    def __len__(self) -> int:
        return len(self._traces)

    def add(self, spans: Iterable[Span]) -> None:
        """Take spans, of whatever traces."""
        for span in spans:
            self._add(span)
            self._make_room()

    def _add(self, span: Span) -> None:
        trace = self._traces.setdefault(span.trace_id, Trace(span.trace_id))
        key = (span.id, span.kind, span.service)
        if len(trace.spans) >= MAX_SPANS and key not in trace.spans:
            trace.left_out += 1
            return
        grown = span.size - (trace.spans[key].size if key in trace.spans else 0)
        trace.spans[key] = span
        trace.size += grown
        self.size += grown

    def _make_room(self) -> None:
        while len(self._traces) > self._max_traces or (self.size > self._max_bytes and len(self._traces) > 1):
            _, oldest = self._traces.popitem(last=False)
            self.size -= oldest.size
            self.dropped += 1

    def find(self, prefix: str) -> Trace | None:
        """Return the trace whose id begins so, the newest of several; None when there is none."""
        return next((trace for trace in self._newest() if trace.id.startswith(prefix.lower())), None)

    def search(self, query: TraceQuery) -> list[Trace]:
        """Return the newest traces that are wanted."""
        newest = itertools.islice((trace for trace in self._newest() if trace in query), query.limit)
        return sorted(newest, key=lambda trace: trace.start_us, reverse=True)

    @property
    def services(self) -> list[str]:
        """Everybody who took part in a trace, by name."""
        return sorted({span.service for trace in self._traces.values() for span in trace.spans.values()})

    def _newest(self) -> Iterator[Trace]:
        return reversed(self._traces.values())
