"""Which trace a request belongs to, as its headers say."""

import pytest

from services.chassis.telemetry import make_decodable
from services.chassis.trace import NOBODY, Caller, caller_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SHORT = TRACE[16:]
SPAN = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({}, NOBODY),
        ({"x-request-id": TRACE}, NOBODY),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, Caller(TRACE, True)),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, Caller(TRACE, False)),
        ({"traceparent": f"00-{TRACE}-{SPAN}-03"}, Caller(TRACE, True)),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-01-more"}, Caller(TRACE, True)),
        ({"traceparent": f"ff-{TRACE}-{SPAN}-01"}, NOBODY),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, NOBODY),
        ({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, NOBODY),
        ({"b3": f"{TRACE}-{SPAN}-1"}, Caller(TRACE, True)),
        ({"b3": f"{TRACE}-{SPAN}-d"}, Caller(TRACE, True)),
        ({"b3": f"{TRACE}-{SPAN}-0"}, Caller(TRACE, False)),
        ({"b3": f"{SHORT.upper()}-{SPAN}-1"}, Caller(SHORT.zfill(32), True)),
        ({"b3": "0"}, Caller(None, False)),
        ({"b3": "1"}, NOBODY),
        ({"x-b3-traceid": TRACE, "x-b3-sampled": "1"}, Caller(TRACE, True)),
        ({"x-b3-traceid": TRACE, "x-b3-sampled": "true"}, Caller(TRACE, True)),
        ({"x-b3-traceid": TRACE, "x-b3-sampled": "0"}, Caller(TRACE, False)),
        ({"x-b3-traceid": TRACE, "x-b3-flags": "1"}, Caller(TRACE, True)),
        ({"x-b3-traceid": TRACE, "x-b3-flags": "0"}, Caller(TRACE, False)),
        ({"x-b3-sampled": "0"}, Caller(None, False)),
        ({"x-b3-traceid": "0" * 32, "x-b3-sampled": "1"}, NOBODY),
        ({"b3": f"{SHORT}-{SPAN}-1", "traceparent": f"00-{TRACE}-{SPAN}-00"}, Caller(TRACE, False)),
    ],
)
def test_a_callers_headers_say_its_trace_and_whether_it_records(headers: dict[str, str], caller: Caller) -> None:
    assert caller_of([(name.encode(), value.encode()) for name, value in headers.items()]) == caller


def test_only_headers_that_the_instrumentation_fails_on_are_taken_out() -> None:
    sound = [(b"a", b"plain"), (b"b", b"a\\b"), (b"c", "a\\ü".encode()), (b"d", b"\xff")]
    headers = [*sound, (b"e", b"a\\\xff")]
    make_decodable(headers)
    assert headers == sound
