"""Durations as Istio's kinds write them."""

import re
from datetime import timedelta
from fractions import Fraction

_UNITS = {
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_PART = re.compile(_NUMBER + r"(h|ms|us|µs|ns|m|s)")
_WHOLE = re.compile(rf"\+?(?:{_PART.pattern})+")

_LONGEST = Fraction(2**63 - 1, 10**9)
"""In seconds: Go counts nanoseconds in 64 bits."""

_INVALID = "must be a valid duration greater than 1ms"
_PRECISION = "only durations to ms precision are supported"


def parse_duration(value: object) -> timedelta:
    """Return what Go's `time.ParseDuration` makes of a text, within the rules of the CRD and of istiod's webhook.

    Raises ValueError in their words: below one millisecond, finer than one, or no duration at all.
    """
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError(f"{_INVALID}, such as 500ms, 2s or 1m30s")
    seconds = sum((Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(value)), Fraction())
    milliseconds = seconds * 1000
    if milliseconds < 1 or seconds > _LONGEST:
        raise ValueError(_INVALID)
    if milliseconds.denominator != 1:
        raise ValueError(_PRECISION)
    return timedelta(milliseconds=int(milliseconds))
