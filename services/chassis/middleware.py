"""ASGI middleware that every service wears."""

import logging
import time
from http import HTTPStatus
from typing import Any

from opentelemetry import trace
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.logs import FIELDS
from services.chassis.probes import is_probe

log = logging.getLogger("access")


class HeadAsGet:
    """Answers HEAD wherever GET is answered, with the headers of GET and no body.

    FastAPI's routes, unlike Starlette's, answer HEAD with 405 unless each one lists it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the app answer HEAD as GET."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send_without_body)
        finally:
            scope["route"] = inner.get("route")  # the access log looks for it where it handed in its own scope


class AccessLog:
    """Writes one line for each request, probes apart, when its answer has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Times the app's answer and tells of it."""
        if scope["type"] != "http" or is_probe(scope):
            await self._app(scope, receive, send)
            return
        status: int | None = None
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            _write(scope, status, time.perf_counter() - started)


class BodyLimit:
    """Refuses a request body of more than `max_bytes` with 413, as a problem; Starlette's own says it in plain text."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts what the app reads."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def receive_and_count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                # FastAPI, which is reading, lets this through to the handler of HTTP errors.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has {self._max_bytes} bytes at most")
            return message

        await self._app(scope, receive_and_count, send)


def _write(scope: Scope, status: int | None, seconds: float) -> None:
    context = trace.get_current_span().get_span_context()
    fields: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "route": getattr(scope.get("route"), "path", None),
        "status": status,
        "ms": round(seconds * 1000, 2),
        "trace_id": trace.format_trace_id(context.trace_id) if context.is_valid else None,
    }
    log.info("%s %s %s", scope["method"], scope["path"], status or "no answer", extra={FIELDS: fields})
