"""The reviews application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import httpx
from fastapi import FastAPI

from services.bookinfo import refusals
from services.bookinfo.calls import Caller, calling
from services.bookinfo.reviews.routes import router
from services.bookinfo.reviews.settings import Settings
from services.chassis.app import ServiceApp
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry


class State(TypedDict):
    """What a request finds in ``request.state``."""

    settings: Settings
    caller: Caller


def create_app(
    settings: Settings,
    *,
    readiness: Readiness | None = None,
    telemetry: Telemetry | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Reviews as an ASGI application.

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
            yield {"settings": settings, "caller": caller}

    app = ServiceApp(
        "reviews", readiness=readiness or Readiness(), telemetry=telemetry, routes=router.routes, lifespan=lifespan
    )
    refusals.install(app)
    return app
