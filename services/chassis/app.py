"""A FastAPI application on the chassis."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from services.chassis import probes, problems
from services.chassis.decodable import decodable
from services.chassis.middleware import AccessLog, BodyLimit, HeadAsGet
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry, instrument

MAX_BODY_BYTES = 64 * 1024
"""Largest request body; a larger one is refused with 413."""
# The instrumentation makes the server spans. FastAPI's own telemetry steps back where it recognises that; off is surer.
_NO_TELEMETRY_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


class ServiceApp(FastAPI):
    """A FastAPI application whose instrumentation meets no bytes that it can't decode.

    The instrumentation wraps all middleware, and answers 500 to such a request.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or runs the lifespan."""
        await super().__call__(decodable(scope) if scope["type"] == "http" else scope, receive, send)


def new_app(
    title: str,
    *,
    readiness: Readiness,
    telemetry: Telemetry,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
) -> FastAPI:
    """An app with probes, access log, traces, HEAD for every GET, and one shape of errors; the routes are yours."""
    app = ServiceApp(
        title=title,
        lifespan=lifespan,
        middleware=[Middleware(AccessLog), Middleware(HeadAsGet), Middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)],
        telemetry=_NO_TELEMETRY_OF_ITS_OWN,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    probes.install(app, readiness)
    instrument(app, telemetry)
    return app
