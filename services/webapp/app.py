"""The webapp application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from services.chassis.app import ServiceApp
from services.chassis.calls import recorded
from services.chassis.probes import Readiness
from services.chassis.problems import problem
from services.chassis.telemetry import Telemetry
from services.webapp import catalog, forum, page, routes
from services.webapp.proxy import proxy_for
from services.webapp.settings import Settings
from services.webapp.state import State
from services.webapp.transport import Transport
from services.webapp.upstream import Upstream, UpstreamBusyError, UpstreamError, UpstreamRefusedError


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
        telemetry: Where its spans go; nothing is recorded unless given.
        transport: Answers its calls in a test.
    """
    telemetry = telemetry or Telemetry()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with (
            connected(catalog.NAME, settings.catalog_url, settings, telemetry, transport) as catalog_service,
            connected(forum.NAME, settings.forum_url, settings, telemetry, transport) as forum_service,
        ):
            yield {"catalog": catalog_service, "forum": forum_service}

    app = ServiceApp(
        "webapp",
        readiness=readiness or Readiness(),
        telemetry=telemetry,
        routes=[*routes.router.routes, *page.router.routes],
        lifespan=lifespan,
    )
    app.mount("/static", StaticFiles(directory=page.STATIC))
    app.exception_handler(UpstreamRefusedError)(_refused)
    app.exception_handler(UpstreamBusyError)(_busy)
    app.exception_handler(UpstreamError)(_failed)
    return app


@asynccontextmanager
async def connected(
    name: str, url: str, settings: Settings, telemetry: Telemetry, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[Upstream]:
    """The service at `url`, with connections of its own: one that is slow takes none from the other."""
    transport = transport or Transport(url, proxy_for(url, proxy_loopback=settings.proxy_loopback))
    timeout = httpx.Timeout(settings.connect_timeout_seconds, read=settings.read_timeout_seconds)
    async with transport:
        send = recorded(transport.handle_async_request, telemetry)
        yield Upstream(send, name, url, timeout, settings.call_timeout_seconds)


async def _refused(_request: Request, error: UpstreamRefusedError) -> Response:
    answer = error.answer
    return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])


async def _busy(_request: Request, error: UpstreamBusyError) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))


async def _failed(_request: Request, error: UpstreamError) -> Response:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), title=f"error calling {error.service} service")
