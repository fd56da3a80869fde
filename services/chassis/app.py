"""A FastAPI application on the chassis."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from services.chassis import probes, problems
from services.chassis.middleware import AccessLog, BodyLimit, HeadAsGet
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry

MAX_BODY_BYTES = 64 * 1024
"""Largest request body; a larger one is refused with 413."""


def new_app(
    title: str,
    *,
    readiness: Readiness,
    telemetry: Telemetry,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
) -> FastAPI:
    """An app with probes, access log, traces, HEAD for every GET, and one shape of errors; the routes are yours."""
    app = FastAPI(
        title=title,
        lifespan=lifespan,
        middleware=[Middleware(AccessLog), Middleware(HeadAsGet), Middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)],
        telemetry=telemetry.fastapi,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    probes.install(app, readiness)
    return app
