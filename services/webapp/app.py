"""The webapp application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from fastapi import FastAPI, Request, Response
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from starlette.staticfiles import StaticFiles

from services.chassis.app import new_app
from services.chassis.probes import Readiness
from services.chassis.problems import problem
from services.chassis.telemetry import Telemetry, relaying
from services.webapp import catalog, forum, page, routes
from services.webapp.catalog import CatalogClient
from services.webapp.dependencies import State
from services.webapp.forum import ForumClient
from services.webapp.settings import Settings
from services.webapp.upstream import Upstream, UpstreamError, UpstreamRefusedError

MAX_CONNECTIONS = 256
"""Calls in flight to catalog and forum together; the next one waits for its turn."""
IDLE_SECONDS = 30.0
"""How long an unused connection is kept: far shorter than any server or proxy keeps it, so that none closes first."""


def create_app(
    settings: Settings,
    *,
    readiness: Readiness | None = None,
    telemetry: Telemetry | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Webapp as an ASGI application.

    Args:
        settings: What it is to do.
        readiness: Turned off by whoever serves it, when it is about to end.
        telemetry: Where its spans go; they are only relayed unless given.
        transport: Answers its calls in a test. httpx looks at HTTP_PROXY only without one, and by that the calls
            find the sidecar where traffic is not redirected to it.
    """
    telemetry = telemetry or relaying()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with _client(settings, transport) as http:
            HTTPXClientInstrumentor.instrument_client(http, tracer_provider=telemetry.tracer_provider)
            yield {
                "catalog": CatalogClient(Upstream(http, catalog.NAME, settings.catalog_url)),
                "forum": ForumClient(Upstream(http, forum.NAME, settings.forum_url)),
            }

    app = new_app("webapp", readiness=readiness or Readiness(), telemetry=telemetry, lifespan=lifespan)
    app.include_router(routes.router)
    app.include_router(page.router)
    app.mount("/static", StaticFiles(directory=page.STATIC))
    app.exception_handler(UpstreamRefusedError)(_refused)
    app.exception_handler(UpstreamError)(_failed)
    return app


def _client(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    timeout = httpx.Timeout(settings.read_timeout_seconds, connect=settings.connect_timeout_seconds)
    limits = httpx.Limits(
        max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=IDLE_SECONDS
    )
    return httpx.AsyncClient(timeout=timeout, limits=limits, transport=transport)


async def _refused(_request: Request, error: UpstreamRefusedError) -> Response:
    answer = error.response
    return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])


async def _failed(_request: Request, error: UpstreamError) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), title=f"error calling {error.service} service")
