"""Spans of all who send some, in one form. Zipkin's come from Envoys, OTLP from services."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

MAX_TEXT = 512
"""Characters of one name or value that are kept."""

MAX_TAGS = 64
LATEST_US = 2**63 // 1000
"""In 2262, when the nanoseconds since 1970 no longer fit in 64 bits; what is later is taken for that."""

_KINDS = {2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}
_ERROR = 2
"""STATUS_CODE_ERROR of OTLP."""

_DIGITS = re.compile(r"[0-9a-fA-F]+")


class BadSpansError(Exception):
    """What was sent is no list of spans; the text says what was wrong."""


class Span(Struct, frozen=True):
    """One piece of work in a trace."""

    trace_id: str
    """32 hexadecimal digits."""

    id: str
    """16 hexadecimal digits. A client and a server may share one in Zipkin's old way; `kind` tells them apart."""

    parent_id: str
    """"" for the root."""

    kind: str
    """SERVER, CLIENT, PRODUCER, CONSUMER or ""."""

    service: str
    name: str
    start_us: int
    """Microseconds since 1970."""

    duration_us: int
    tags: Mapping[str, str]

    @property
    def is_error(self) -> bool:
        """Whether whoever made the span calls it a failure."""
        return self.tags.get("error", "false") not in ("false", "")

    @property
    def size(self) -> int:
        """What the span takes in memory, in bytes, by a rough rule."""
        tags = sum(len(name) + len(value) + 100 for name, value in self.tags.items())
        return 600 + len(self.service) + len(self.name) + tags


def from_zipkin(body: bytes) -> Iterator[Span]:
    """Yield the spans of a Zipkin v2 JSON body (https://zipkin.io/zipkin-api/). Raises BadSpansError."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadSpansError(f"no Zipkin v2 spans: {error!r}") from error
    if not isinstance(entries, list):
        raise BadSpansError("no Zipkin v2 spans: a list is expected")
    yield from _zipkin_spans(entries)


def from_zipkin_protobuf(body: bytes) -> Iterator[Span]:
    """Yield the spans of a Zipkin body in protobuf. Raises BadSpansError."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 -- as in `from_otlp`

    from localmesh.telemetry import zipkin  # noqa: PLC0415

    try:
        yield from _zipkin_spans(zipkin.entries(body))
    except DecodeError as error:
        raise BadSpansError(f"no Zipkin v2 spans in protobuf: {error}") from error


def _zipkin_spans(entries: Iterable[Any]) -> Iterator[Span]:
    try:
        yield from map(_zipkin_span, entries)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise BadSpansError(f"no Zipkin v2 spans: {error!r}") from error


def _zipkin_span(span: Mapping[str, Any]) -> Span:
    tags = {_text(name): _text(value) for name, value in itertools.islice((span.get("tags") or {}).items(), MAX_TAGS)}
    kind = str(span.get("kind") or "").upper()
    peer = (span.get("remoteEndpoint") or {}).get("ipv4", "")
    return Span(
        trace_id=_hex(span["traceId"], 32),
        id=_hex(span["id"], 16),
        parent_id=_parent(span.get("parentId") or ""),
        kind=kind if kind in _KINDS.values() else "",
        service=_text((span.get("localEndpoint") or {}).get("serviceName") or "unknown"),
        name=_text(span.get("name") or ""),
        start_us=_microseconds(span.get("timestamp") or 0),
        duration_us=_microseconds(span.get("duration") or 0),
        tags=tags | ({"peer": _peer(span["remoteEndpoint"])} if peer else {}),
    )


def _peer(endpoint: Mapping[str, Any]) -> str:
    return _text(f"{endpoint['ipv4']}:{endpoint.get('port', '')}")


def _text(value: object) -> str:
    """Return a text that can be kept and shown: JSON may hold halves of UTF-16's pairs, which UTF-8 cannot."""
    text = str(value)[:MAX_TEXT]
    return text if text.isascii() else text.encode(errors="replace").decode()


def _microseconds(number: Any) -> int:
    return min(max(0, int(number)), LATEST_US)


def _hex(text: str, length: int) -> str:
    if not _DIGITS.fullmatch(text) or len(text) > length:
        raise ValueError(f"{text[: length + 1]!r} is no id of {length} hexadecimal digits")
    return text.lower().zfill(length)


def _parent(text: str) -> str:
    """Return a parent's id; one of zeros alone is none."""
    return _hex(text, 16) if text.strip("0") else ""


def from_otlp(body: bytes) -> Iterator[Span]:
    """Yield the spans of an OTLP/HTTP body in protobuf. Raises BadSpansError."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 -- 0.1 s that only a service that sends some costs
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
        ExportTraceServiceRequest,
    )

    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadSpansError(f"no OTLP traces in protobuf: {error}") from error
    try:
        for group in request.resource_spans:
            service = _service(group.resource)
            for scope in group.scope_spans:
                yield from (_otlp_span(service, span) for span in scope.spans)
    except ValueError as error:
        raise BadSpansError(f"no OTLP traces: {error}") from error


def _service(resource: "Resource") -> Mapping[str, str]:
    return {name.removeprefix("service."): value for name, value in attributes(resource.attributes).items()}


def attributes(pairs: "Iterable[KeyValue]") -> dict[str, str]:
    """Return attributes as texts."""
    texts = {}
    for pair in itertools.islice(pairs, MAX_TAGS):
        which = pair.value.WhichOneof("value")
        value = getattr(pair.value, which) if which else ""
        texts[pair.key[:MAX_TEXT]] = (str(value).lower() if isinstance(value, bool) else str(value))[:MAX_TEXT]
    return texts


def _otlp_span(service: Mapping[str, str], span: "OtlpSpan") -> Span:
    tags = attributes(span.attributes)
    if span.status.code == _ERROR:
        tags["error"] = span.status.message[:MAX_TEXT] or "true"
    for name in ("version", "k8s.pod.name"):
        if service.get(name):
            tags[f"service.{name}" if name == "version" else name] = service[name]
    return Span(
        trace_id=_hex(span.trace_id.hex(), 32),
        id=_hex(span.span_id.hex(), 16),
        parent_id=_parent(span.parent_span_id.hex()),
        kind=_KINDS.get(span.kind, ""),
        service=service.get("name", "unknown")[:MAX_TEXT],
        name=span.name[:MAX_TEXT],
        start_us=_microseconds(span.start_time_unix_nano // 1000),
        duration_us=_microseconds((span.end_time_unix_nano - span.start_time_unix_nano) // 1000),
        tags=tags,
    )
