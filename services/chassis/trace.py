"""Which trace a request belongs to, as far as its headers say.

A propagator reads the same and more, at ten times the cost. It is asked only where a request is recorded.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

_W3C = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]([0-9a-f])(?:-.*)?")
_B3_TRACE_ID = re.compile(rb"(?!0+(?:-|$))([0-9a-fA-F]{16}|[0-9a-fA-F]{32})(?:-.*)?")
_SAMPLED = frozenset({b"1", b"d", b"true", b"True"})
_B3_STATE = 2
"""Place of the sampling state in the single header: trace id, span id, state, parent's span id."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What the caller says about its trace."""

    trace_id: str | None
    """32 hexadecimal digits, or None where the caller takes part in no trace."""
    sampled: bool | None
    """Whether it records its part; None leaves the decision to whoever is called."""


NOBODY = Caller(None, None)


def caller_of(headers: Iterable[tuple[bytes, bytes]]) -> Caller:
    """Reads W3C Trace Context, else B3 in either form; where both are sent, W3C counts.

    Args:
        headers: Names in lower case, and values.
    """
    b3: dict[bytes, bytes] = {}
    for name, value in headers:
        if name == b"traceparent":
            if found := _W3C.fullmatch(value):
                return Caller(found[1].decode(), int(found[2], 16) % 2 == 1)
        elif name == b"b3" or name.startswith(b"x-b3-"):
            b3.setdefault(name, value)
    return _of_b3(b3) if b3 else NOBODY


def _of_b3(b3: dict[bytes, bytes]) -> Caller:
    parts = b3.get(b"b3", b"").split(b"-")
    found = _B3_TRACE_ID.fullmatch(b3.get(b"x-b3-traceid") or parts[0])
    state = b3.get(b"x-b3-sampled") or (parts[_B3_STATE] if len(parts) > _B3_STATE else parts[0])
    sampled = state in _SAMPLED or b3.get(b"x-b3-flags") == b"1"
    if found is None:
        # Without an id, a caller can still forbid: ``b3: 0``.
        return Caller(None, False) if state == b"0" else NOBODY
    return Caller(found[1].decode().lower().zfill(32), sampled)


def new_trace_id() -> str:
    """The id of a trace that begins here."""
    return f"{random.getrandbits(128) or 1:032x}"


def unsampled(trace_id: str) -> tuple[bytes, bytes]:
    """The header that gives the next service a trace that nobody records: its log lines can be found by the same id."""
    return b"traceparent", f"00-{trace_id}-{random.getrandbits(64) or 1:016x}-00".encode()
