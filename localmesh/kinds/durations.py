"""Durations as Istio's kinds write them: Go's `time.ParseDuration`."""

import re
from datetime import timedelta
from fractions import Fraction

from localmesh.core.numbers import integer

_UNITS = {
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}
_NUMBER = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PART = re.compile(_NUMBER + r"(h|ms|us|µs|μs|ns|m|s)")
_WHOLE = re.compile(rf"\+?(?:{_PART.pattern})+")

_SECOND = 10**9
"""In nanoseconds."""

_DECIMALS = 30
"""What comes behind them makes no nanosecond."""

_LONGEST = Fraction(2**63 - 1, _SECOND)
"""In seconds: Go counts nanoseconds in 64 bits."""

_TOO_LONG = Fraction(2**63 // _SECOND)
"""From here on Envoy cannot count the nanoseconds, which istiod still can."""

_SHORTEST = Fraction(1, 1000)
"""What the rules of Istio's CRDs let pass."""

_UNCOUNTED = f"istiod lets it pass, but Envoy takes less than {_TOO_LONG}s only"
_PRECISION = "only durations to ms precision are supported"


def seconds_of(text: str) -> Fraction | None:
    """Return what a text means in seconds; None if it is no duration from one millisecond to what Go can count."""
    if not _WHOLE.fullmatch(text):
        return None
    seconds = _sum(text)
    return seconds if _SHORTEST <= seconds <= _LONGEST else None


def _sum(text: str) -> Fraction:
    """Return the seconds of all parts, of each part as many whole nanoseconds as there are: Go drops the rest."""
    nanoseconds = (int(_fraction(number) * _UNITS[unit] * _SECOND) for number, unit in _PART.findall(text))
    return Fraction(sum(nanoseconds), _SECOND)


def _fraction(number: str) -> Fraction:
    whole, _, decimals = number.partition(".")
    return Fraction(f"{integer(whole)}.{decimals[:_DECIMALS]}")


def parse_duration(text: str) -> timedelta:
    """Return what a text means that has passed the rules of the CRD.

    Raises ValueError, in the words of istiod's webhook, for one that is finer than a millisecond, or none at all.
    """
    seconds = seconds_of(text)
    if seconds is None:
        raise ValueError("must be a valid duration greater than 1ms, such as 500ms, 2s or 1m30s")
    if (seconds * 1000).denominator != 1:
        raise ValueError(_PRECISION)
    if seconds >= _TOO_LONG:
        raise ValueError(_UNCOUNTED)
    return timedelta(milliseconds=int(seconds * 1000))


_SIGNED = re.compile(rf"([-+]?)((?:{_PART.pattern})+|0)")


def parse_any_duration(text: str) -> timedelta:
    """Return what a text means of which the CRD asks nothing: it may be 0, and less.

    Raises ValueError, in the words of istiod's webhook, for one that is no duration, and for one that is counted in
    nanoseconds.
    """
    match = _SIGNED.fullmatch(text)
    if match is None:
        raise ValueError(f'bad Duration: time: invalid duration "{text}"')
    seconds = _sum(match[2])
    if seconds > _LONGEST:
        raise ValueError(f'bad Duration: time: invalid duration "{text}"')
    if (seconds * 10**6).denominator != 1:
        raise ValueError(f"{text} is finer than a microsecond, which is not supported by the local mesh")
    if seconds >= _TOO_LONG:
        raise ValueError(_UNCOUNTED)
    whole = timedelta(microseconds=int(seconds * 10**6))
    return -whole if match[1] == "-" else whole
