"""Times as kubectl's tables say them."""

from datetime import UTC, datetime

_SECOND, _MINUTE, _HOUR, _DAY, _YEAR = 1, 60, 3600, 86400, 365 * 86400
_NAMES = {_SECOND: "s", _MINUTE: "m", _HOUR: "h", _DAY: "d", _YEAR: "y"}
_FORMS = (
    (2 * _MINUTE, _SECOND, None),
    (10 * _MINUTE, _MINUTE, _SECOND),
    (3 * _HOUR, _MINUTE, None),
    (8 * _HOUR, _HOUR, _MINUTE),
    (2 * _DAY, _HOUR, None),
    (8 * _DAY, _DAY, _HOUR),
    (2 * _YEAR, _DAY, None),
    (8 * _YEAR, _YEAR, _DAY),
    (float("inf"), _YEAR, None),
)
"""Up to how many seconds a form is used, its unit, and the unit of what is left over if that is said."""


def parse(text: str) -> datetime:
    """Read an RFC 3339 time, with or without fractions of a second. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: write a time as RFC 3339 has it, 2026-01-31T12:00:00Z")
    return time


def age(timestamp: str | None, at: datetime | None = None) -> str:
    """Return how long ago a time was, `<unknown>` without one."""
    if not timestamp:
        return "<unknown>"
    try:
        return duration(int(((at or datetime.now(UTC)) - parse(timestamp)).total_seconds()))
    except ValueError:  # somebody wrote it who writes no RFC 3339
        return "<invalid>"


def duration(seconds: int) -> str:
    """Return seconds in Kubernetes' short form (`duration.HumanDuration`): the longer, the coarser."""
    if seconds < 0:
        # A clock may be a moment behind the one that wrote the time.
        return "0s" if seconds == -1 else "<invalid>"
    unit, small = next((unit, small) for limit, unit, small in _FORMS if seconds < limit)
    text = f"{seconds // unit}{_NAMES[unit]}"
    rest = seconds % unit // small if small else 0
    return f"{text}{rest}{_NAMES[small]}" if small and rest else text
