import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from localmesh.telemetry.forwarding import to_otlp
from localmesh.telemetry.spans import (
    LATEST_US,
    MAX_TAGS,
    MAX_TEXT,
    BadSpansError,
    from_otlp,
    from_zipkin,
    from_zipkin_protobuf,
)
from tests.localmesh.telemetry.making import RETRIED, body, zipkin


def test_zipkins_spans_keep_ids_times_and_tags() -> None:
    first, *_, last = from_zipkin(body(RETRIED))
    assert (first.parent_id, first.kind, first.service, first.duration_us) == ("", "SERVER", "gateway.shop", 900)
    assert (last.parent_id, last.start_us, last.tags["retry.count"]) == ("2".zfill(16), 1_000_400, "1")
    assert [span.is_error for span in from_zipkin(body(RETRIED))] == [False, False, True, False, False]


@pytest.mark.parametrize(
    "sent", [b"", b"{}", b"[1]", b'[{"id": "1"}]', b"\xff", body([{**RETRIED[0], "traceId": "x"}]),
             body([{**RETRIED[0], "id": "1" * 17}]), body([{**RETRIED[0], "timestamp": "soon"}]),
             body([{**RETRIED[0], "traceId": 5}]), body([{**RETRIED[0], "tags": [1]}]), b"[" * 5000]
)  # fmt: skip
def test_what_are_no_zipkin_spans_is_refused_whole(sent: bytes) -> None:
    with pytest.raises(BadSpansError):
        list(from_zipkin(sent))


def test_short_ids_are_the_long_ones_and_long_texts_are_cut() -> None:
    many = {f"t{number}": "x" * (2 * MAX_TEXT) for number in range(2 * MAX_TAGS)}
    (span,) = from_zipkin(body([{**zipkin(1, None, "a", "SERVER", 0, 1, **many), "traceId": "ABC", "id": "d"}]))
    assert (span.trace_id, span.id) == ("abc".zfill(32), "d".zfill(16))
    assert len(span.tags) == MAX_TAGS
    assert max(map(len, span.tags.values())) == MAX_TEXT


def part(number: int, content: bytes) -> bytes:
    """A field of protobuf's that has a length."""
    return bytes([number << 3 | 2, len(content)]) + content


def small(number: int, value: int) -> bytes:
    """A number below 128."""
    return bytes([number << 3, value])


def tag(name: bytes, value: bytes) -> bytes:
    return part(11, part(1, name) + part(2, value))


IDS = part(1, bytes(15) + b"\xff")
SERVER = IDS + part(3, b"\1" + bytes(7)) + small(4, 2) + b"\x31" + (1000).to_bytes(8, "little") + small(7, 7)
CLIENT = IDS + part(2, b"\1" + bytes(7)) + part(3, b"\2" + bytes(7)) + small(4, 1)
PEER = part(9, part(2, bytes([127, 0, 0, 1])) + small(4, 80))
LIST = part(1, SERVER + part(8, part(1, b"warmup"))) + part(
    1, CLIENT + PEER + tag(b"url", b"/\xff/ab") + tag(b"error", b"t")
)


def test_zipkins_spans_in_protobuf_are_those_of_json() -> None:
    server, client = from_zipkin_protobuf(LIST)
    assert (server.trace_id, server.id, server.parent_id) == ("ff".zfill(32), "1".zfill(16), "")
    assert (server.kind, server.service, server.start_us, server.duration_us) == ("SERVER", "warmup", 1000, 7)
    assert (client.parent_id, client.kind, client.is_error) == (server.id, "CLIENT", True)
    assert client.tags == {"url": "/\ufffd/ab", "error": "t", "peer": "127.0.0.1:80"}


@pytest.mark.parametrize("sent", [b"\xff", b"{}", LIST[:-1], bytes.fromhex("0a021a00")])
def test_what_are_no_zipkin_spans_in_protobuf_is_refused_whole(sent: bytes) -> None:
    with pytest.raises(BadSpansError):
        list(from_zipkin_protobuf(sent))


def test_otlps_spans_come_out_the_same_way() -> None:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for name, value in (("service.name", "catalog"), ("service.version", "v2")):
        attribute = group.resource.attributes.add(key=name)
        attribute.value.string_value = value
    span = group.scope_spans.add().spans.add(
        trace_id=bytes(15) + b"\x1f", span_id=bytes(7) + b"\x09", parent_span_id=bytes(7) + b"\x04", name="GET /items",
        kind=2, start_time_unix_nano=1_000_130_000, end_time_unix_nano=1_000_180_000,
    )  # fmt: skip
    span.status.code = 2
    span.attributes.add(key="http.response.status_code").value.int_value = 500
    span.attributes.add(key="fault").value.bool_value = True
    span.attributes.add(key="empty")
    (found,) = from_otlp(request.SerializeToString())
    assert (found.trace_id, found.id, found.parent_id) == ("1f".zfill(32), "9".zfill(16), "4".zfill(16))
    assert (found.service, found.kind, found.start_us, found.duration_us) == ("catalog", "SERVER", 1_000_130, 50)
    assert found.is_error
    assert found.tags == {
        "http.response.status_code": "500", "fault": "true", "empty": "", "error": "true", "service.version": "v2",
    }  # fmt: skip


def test_what_is_no_protobuf_is_refused() -> None:
    with pytest.raises(BadSpansError):
        list(from_otlp(b"\xff\xff\xff"))


@pytest.mark.parametrize("text", ["+f", "0x1f", "1_f", " f", "\u0661", "g", ""])
def test_only_hexadecimal_digits_are_an_id(text: str) -> None:
    for name in ("traceId", "id"):
        with pytest.raises(BadSpansError, match="hexadecimal"):
            list(from_zipkin(body([{**RETRIED[0], name: text}])))


def test_times_beyond_all_clocks_are_the_last_or_the_first_there_is() -> None:
    first, last = from_zipkin(
        body([{**RETRIED[0], "timestamp": -5, "duration": -7}, {**RETRIED[0], "timestamp": 10**400, "duration": 2**64}])
    )
    assert (first.start_us, first.duration_us, last.start_us, last.duration_us) == (0, 0, LATEST_US, LATEST_US)
    assert next(iter(from_otlp(to_otlp([last])))).duration_us == LATEST_US
    with pytest.raises(BadSpansError):
        list(from_zipkin(b'[{"traceId": "1", "id": "1", "timestamp": 1e999}]'))


def test_a_half_of_a_pair_of_utf_16_is_kept_as_what_can_be_shown() -> None:
    (span,) = from_zipkin(
        body([{**zipkin(1, None, "\ud800", "SERVER", 0, 1, **{"\udfff": "\ud800"}), "name": "\ud800"}])
    )
    assert (span.service, span.name, span.tags) == ("?.shop", "?", {"?": "?"})


def test_a_parent_of_zeros_is_none_and_long_ids_and_names_are_refused_or_cut() -> None:
    (span,) = from_zipkin(body([{**RETRIED[0], "parentId": "0000", "tags": {"n" * 70_000: "v"}}]))
    assert (span.parent_id, [len(name) for name in span.tags]) == ("", [MAX_TEXT])
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    sent = scope.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=bytes(8))
    sent.attributes.add(key="n" * 70_000)
    (span,) = from_otlp(request.SerializeToString())
    assert (span.parent_id, [len(name) for name in span.tags]) == ("", [MAX_TEXT])
    for wrong in (b"", b"s" * 9):
        sent.span_id = wrong
        with pytest.raises(BadSpansError, match="no id of 16"):
            list(from_otlp(request.SerializeToString()))
