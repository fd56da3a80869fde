"""A trace as a tree of rows: for the page, and drawn for a terminal."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from localmesh.telemetry import denials
from localmesh.telemetry.flags import in_words
from localmesh.telemetry.spans import Span
from localmesh.telemetry.trace_store import Trace

BAR = 24
"""Characters of the time line in a terminal."""

MAX_INDENT = 12
"""Steps; what lies deeper stands no further to the right."""


class Row(Struct, frozen=True):
    """One span where it stands in its trace."""

    depth: int
    offset_us: int
    """From the trace's start."""

    duration_us: int
    kind: str
    service: str
    name: str
    status: str
    """HTTP status, "" where there was none."""

    attempt: int
    """1, 2, 3 … of a call that was tried several times; 0 for anything else."""

    pod: str
    """Where it was done, as far as is known."""

    peer: str
    """Whom an attempt went to: a pod, else an address."""

    reason: str
    """Why it failed or was denied, in words; "" when it was not."""

    tags: dict[str, str]


def rows(trace: Trace) -> list[Row]:
    """Return a trace's spans as rows, each below its parent, in the order of their starts."""
    children: dict[tuple[str, str], list[Span]] = defaultdict(list)
    spans = sorted(trace.spans.values(), key=lambda span: (span.start_us, span.kind != "SERVER"))
    ids = {span.id for span in spans}
    for span in spans:
        children[("", "") if span.parent_id not in ids else ("child of", span.parent_id)].append(span)
    start, seen = trace.start_us, set[tuple[str, str, str]]()

    pods = {span.parent_id: pod for span in spans if span.kind == "SERVER" and (pod := pod_of(span))}

    def walk(tops: Sequence[Span]) -> Iterator[Row]:
        waiting = [(span, number, 0) for span, number in reversed(_numbered(tops))]
        while waiting:
            span, number, depth = waiting.pop()
            key = (span.id, span.kind, span.service)
            if key not in seen:  # spans that are each other's parents would never end
                seen.add(key)
                yield _row(span, depth, start, number, pods.get(span.id, ""))
                below = reversed(_numbered(children["child of", span.id]))
                waiting += [(child, number, depth + 1) for child, number in below]

    reached = list(walk(children["", ""]))
    left = [span for span in spans if (span.id, span.kind, span.service) not in seen]
    return reached + list(walk(left))


def _numbered(siblings: Sequence[Span]) -> list[tuple[Span, int]]:
    """Return spans with their numbers among the attempts, 0 for what is none of several."""
    numbers = {span.id: number for number, span in enumerate(filter(_is_attempt, siblings), 1)}
    return [(span, numbers.get(span.id, 0) if len(numbers) > 1 else 0) for span in siblings]


def _is_attempt(span: Span) -> bool:
    """Tell whether a span is one try of a proxy: only those name the cluster they went to."""
    return span.kind == "CLIENT" and "upstream_cluster" in span.tags


def pod_of(span: Span) -> str:
    """Return the pod in which a span was made, "" when it does not say: a proxy does in its node id."""
    words = span.tags.get("node_id", "").split("~")
    return words[2].partition(".")[0] if len(words) > 2 else span.tags.get("k8s.pod.name", "")  # noqa: PLR2004


def name_of(span: Span) -> str:
    """Return a span's name as people say it: istiod's names of clusters and operations say more than one wants."""
    cluster = span.tags.get("upstream_cluster", "").split("|")
    if _is_attempt(span) and len(cluster) == 4:  # noqa: PLR2004 -- direction|port|subset|host
        return f"to {cluster[3].partition('.')[0]}{' ' + cluster[2] if cluster[2] else ''}"
    url = span.tags.get("http.url", "")
    path = f"/{url.split('/', 3)[3]}" if url.count("/") > 2 else ""  # noqa: PLR2004 -- scheme://host/path
    method = span.tags.get("http.method", "")
    return f"{method} {path}" if method and path and "component" in span.tags else span.name


def status_of(span: Span) -> str:
    """Return a span's HTTP status, "" where there was none: of a try without an answer an Envoy says 0."""
    status = span.tags.get("http.status_code") or span.tags.get("http.response.status_code") or ""
    return "" if status == "0" else status


def _row(span: Span, depth: int, start_us: int, attempt: int, callee: str) -> Row:
    tags = span.tags
    return Row(
        depth=depth,
        offset_us=span.start_us - start_us,
        duration_us=span.duration_us,
        kind=span.kind,
        service=span.service,
        name=name_of(span),
        status=status_of(span),
        attempt=attempt,
        pod=pod_of(span),
        peer=callee or tags.get("upstream_address") or tags.get("peer.address") or tags.get("peer", ""),
        reason=_reason(span),
        tags=dict(tags),
    )


def _reason(span: Span) -> str:
    if denied := denials.in_words(span.tags.get("response_code_details", "")):
        return denied
    if not span.is_error:
        return ""
    flags = span.tags.get("response_flags", "-")
    if flags not in ("-", ""):
        return in_words(flags)
    status = status_of(span)
    error = span.tags["error"]
    return error if error != "true" else (f"answered {status}" if status else "failed")


def summary(trace: Trace) -> dict[str, Any]:
    """Return a trace as one line of a list."""
    root = trace.root
    return {
        "id": trace.id,
        "start_us": trace.start_us,
        "duration_us": trace.duration_us,
        "service": root.service,
        "name": root.name,
        "url": root.tags.get("http.url") or root.tags.get("url.full", ""),
        "status": status_of(root),
        "parent": root.parent_id,
        "failed": root.is_error,
        "spans": len(trace.spans),
        "left_out": trace.left_out,
        "errors": trace.errors,
        "retries": sum("retry.count" in span.tags for span in trace.spans.values()),
        "services": trace.services,
    }


def document(trace: Trace) -> dict[str, Any]:
    """Return a trace with its rows, for JSON."""
    return summary(trace) | {"rows": [to_builtins(row) for row in rows(trace)]}


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def drawn(trace: dict[str, Any], width: int = 100) -> str:
    """Return a trace's document as text: a head, and a line with a bar for each span."""
    total = max(1, trace["duration_us"])
    spans, retries = _counted(trace["spans"], "span", "spans"), _counted(trace["retries"], "retry", "retries")
    head = f"trace {trace['id']}  {_ms(total)}  {spans}, {retries}"
    lines = [_line(row, total, width) for row in trace["rows"]]
    more = [f"{trace['left_out']} more spans were not kept"] if trace["left_out"] else []
    return "\n".join([head, *lines, *more])


def _line(row: dict[str, Any], total_us: int, width: int) -> str:
    begin = min(BAR - 1, max(0, row["offset_us"] * BAR // total_us))
    length = max(1, min(BAR - begin, round(row["duration_us"] * BAR / total_us)))
    bar = ("·" * begin + ("▒" if row["reason"] else "█") * length).ljust(BAR, "·")
    attempt = f"try {row['attempt']} " if row["attempt"] else ""
    end = f" → {row['peer']}" if row["attempt"] and row["peer"] else ""
    what = f"{'  ' * min(row['depth'], MAX_INDENT)}{row['service']}: {attempt}{row['name']}{end}"[
        : max(20, width - BAR - 17)
    ]
    why = f"  ✗ {row['reason']}" if row["reason"] else ""
    return printable(f"{bar} {_ms(row['duration_us']):>9}  {row['status']:<4}{what}{why}")


def printable(text: str) -> str:
    """Return what may go to a terminal: what others sent must not move its cursor or begin a line."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.1f} ms"
