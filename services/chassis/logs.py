"""One JSON object a line on stdout."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

FIELDS = "fields"
"""Name under which a record carries its own keys: ``log.info("…", extra={FIELDS: {...}})``."""


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON; what a caller sent cannot break out of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level: str) -> None:
    """Sends records of `level` and above to stdout; those of chatty libraries from warning on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
