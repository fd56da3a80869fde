"""Why Envoy refused something. Its admin page counts refusals; the reason stands in its log alone."""

import re

_RECORD = re.compile(
    # bootstrap.LOG_FORMAT: time, level, logger and place, message (which may have several lines), thread.
    r"^(?P<time>\S+)\twarning\tenvoy config \S+\t"
    r"REST config for \S+ rejected: (?P<reason>.*?)\tthread=",
    re.MULTILINE | re.DOTALL,
)


def complaints(log: str) -> dict[str, str]:
    """Return the reasons in a piece of Envoy's log by the time of each, oldest first."""
    return {match["time"]: _short(match["reason"]) for match in _RECORD.finditer(log)}


def _short(reason: str) -> str:
    """Return the reason in one line, without the copy of the resource that Envoy prints before some of them."""
    return " ".join(reason.rpartition("\n: ")[2].split())
