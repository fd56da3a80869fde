"""The productpage application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from services.bookinfo.calls import calling
from services.bookinfo.productpage import api, page, session
from services.bookinfo.productpage.backends import backends
from services.bookinfo.productpage.dependencies import State
from services.bookinfo.productpage.settings import Settings
from services.chassis.app import ServiceApp
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry


def create_app(
    settings: Settings,
    *,
    readiness: Readiness | None = None,
    telemetry: Telemetry | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Productpage as an ASGI application.

    Args:
        settings: What it is to do.
        readiness: Turned off by whoever serves it, when it is about to end.
        telemetry: Where its spans go; nothing is recorded unless given.
        transport: Answers its calls in a test.
    """
    telemetry = telemetry or Telemetry()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        async with calling(telemetry, transport) as caller:
            registry = CollectorRegistry()
            yield {"settings": settings, "backends": backends(settings, caller, registry), "registry": registry}

    app = ServiceApp(
        "productpage",
        readiness=readiness or Readiness(),
        telemetry=telemetry,
        routes=[*api.router.routes, *page.router.routes, *session.router.routes],
        lifespan=lifespan,
    )
    app.add_middleware(SessionMiddleware, secret_key=settings.session_secret.get_secret_value())
    app.mount("/static", StaticFiles(directory=page.STATIC))
    return app
