"""One JSON object a line on stdout, with the trace id of the request that it is about."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

FIELDS = "fields"
"""Name under which a record carries its own keys: ``log.info("…", extra={FIELDS: {...}})``."""
TRACE_ID: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""The trace of the request that is being answered, as 32 hexadecimal digits."""

# Printable ASCII only: a control character would reach whoever reads the log in a terminal.
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON; what a caller sent cannot break out of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if trace_id := TRACE_ID.get():
            line["trace_id"] = trace_id
        line |= getattr(record, FIELDS, {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


def configure(level: str) -> None:
    """Sends records of `level` and above to stdout; those of chatty libraries from warning on."""
    # What no line shows need not be found out for each of them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
