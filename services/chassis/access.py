"""One answer on its way out: who gave it is written on it, and a line about it into the log."""

import logging
import time
from asyncio import CancelledError
from typing import Any

from starlette.types import Message, Scope, Send

from services.chassis.identity import SERVED_BY, Identity, collect_hops
from services.chassis.logs import FIELDS

log = logging.getLogger("access")

_SERVED_BY = SERVED_BY.encode()
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Answer:
    """The way out of one request's answer."""

    __slots__ = ("_hops", "_identity", "_scope", "_send", "_started", "_status")

    def __init__(self, scope: Scope, send: Send, identity: Identity) -> None:
        self._scope = scope
        self._send = send
        self._identity = identity
        self._hops = collect_hops()
        self._status: int | None = None
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Sends on what the app says, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            served_by = ", ".join((self._identity.hop, *self._hops)).encode()
            message["headers"] = [*message["headers"], (_SERVED_BY, served_by), _NO_SNIFFING]
        await self._send(message)

    def log(self, error: BaseException | None = None) -> None:
        """Writes the line, once all is sent or `error` has put an end to it."""
        scope, status = self._scope, self._status
        why = str(error) if isinstance(error, CancelledError) else ""  # who breaks an answer off says so
        what = status or why or "no answer"
        fields: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "route": getattr(scope.get("route"), "path", None),
            "status": status,
            "ms": round((time.perf_counter() - self._started) * 1000, 2),
        }
        level = logging.ERROR if isinstance(error, Exception) else logging.INFO
        if log.isEnabledFor(level):
            # As log.log() does it, but without a look at who called, which no line shows: that took 3 % of a request.
            message = f"{scope['method']} {scope['path']} {what}"
            record = logging.LogRecord(log.name, level, __file__, 0, message, None, None)
            setattr(record, FIELDS, fields)
            log.handle(record)
