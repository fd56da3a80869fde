"""Zipkin's list of spans in protobuf: an Envoy writes it at half the cost of JSON.

The messages are those of zipkin.proto in https://github.com/openzipkin/zipkin-api, as far as they are read here. Texts
are declared as bytes: Envoys pass on what came in requests, which need not be UTF-8.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from localmesh.telemetry.spans import MAX_TAGS

_BYTES, _NUMBER, _TIME = (
    FieldDescriptorProto.TYPE_BYTES,
    FieldDescriptorProto.TYPE_UINT64,
    FieldDescriptorProto.TYPE_FIXED64,
)
_MESSAGES: Mapping[str, Mapping[str, tuple[int, Any]]] = {
    "Endpoint": {"service_name": (1, _BYTES), "ipv4": (2, _BYTES), "port": (4, _NUMBER)},
    "Tag": {"name": (1, _BYTES), "value": (2, _BYTES)},
    "Span": {
        "trace_id": (1, _BYTES),
        "parent_id": (2, _BYTES),
        "id": (3, _BYTES),
        "kind": (4, _NUMBER),
        "name": (5, _BYTES),
        "timestamp": (6, _TIME),
        "duration": (7, _NUMBER),
        "local_endpoint": (8, "Endpoint"),
        "remote_endpoint": (9, "Endpoint"),
        "tags": (11, "Tag"),
    },
    "ListOfSpans": {"spans": (1, "Span")},
}
"""Number and type of each field."""
_REPEATED = ("tags", "spans")

_KINDS = ("", "CLIENT", "SERVER", "PRODUCER", "CONSUMER")


def entries(body: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield spans as Zipkin's JSON would have them. Raises google.protobuf.message.DecodeError."""
    for span in _list_of_spans().FromString(body).spans:
        yield {
            "traceId": span.trace_id.hex(),
            "parentId": _span_id(span.parent_id),
            "id": _span_id(span.id),
            "kind": _KINDS[span.kind] if span.kind < len(_KINDS) else "",
            "name": _text(span.name),
            "timestamp": span.timestamp,
            "duration": span.duration,
            "localEndpoint": _endpoint(span.local_endpoint),
            "remoteEndpoint": _endpoint(span.remote_endpoint),
            "tags": {_text(tag.name): _text(tag.value) for tag in span.tags[:MAX_TAGS]},
        }


def _span_id(written: bytes) -> str:
    # Envoy writes them lowest byte first, as they lie in memory, unlike the trace's. In headers, where applications
    # find whose children their spans are, all ids have the highest byte first.
    return written[::-1].hex()


def _endpoint(endpoint: Any) -> Mapping[str, Any]:
    address = ".".join(map(str, endpoint.ipv4))
    return {"serviceName": _text(endpoint.service_name), "ipv4": address, "port": endpoint.port}


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


@cache
def _list_of_spans() -> Any:
    file = FileDescriptorProto(name="zipkin.proto", package="zipkin", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            described = message.field.add(name=field, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if field in _REPEATED:
                described.label = FieldDescriptorProto.LABEL_REPEATED
            if isinstance(kind, str):
                described.type, described.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".zipkin.{kind}"
            else:
                described.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("zipkin.ListOfSpans"))
