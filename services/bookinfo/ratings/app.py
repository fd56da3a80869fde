"""The ratings application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

from services.bookinfo import refusals
from services.bookinfo.ratings.faults import Faults
from services.bookinfo.ratings.routes import router
from services.bookinfo.ratings.settings import Settings
from services.bookinfo.ratings.store import RatingStore
from services.chassis.app import ServiceApp
from services.chassis.probes import Readiness
from services.chassis.telemetry import Telemetry


class State(TypedDict):
    """What a request finds in ``request.state``."""

    store: RatingStore
    faults: Faults


def create_app(
    settings: Settings,
    *,
    readiness: Readiness | None = None,
    telemetry: Telemetry | None = None,
    faults: Faults | None = None,
) -> FastAPI:
    """Ratings as an ASGI application.

    Args:
        settings: What it is to do.
        readiness: Turned off by whoever serves it, when it is about to end.
        telemetry: Where its spans go; nothing is recorded unless given.
        faults: What fails, and when, instead of what the version says.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        yield {
            "store": RatingStore(settings.max_products),
            "faults": faults or Faults(settings.service_version, settings.fault_seed),
        }

    app = ServiceApp(
        "ratings",
        readiness=readiness or Readiness(),
        telemetry=telemetry or Telemetry(),
        routes=router.routes,
        lifespan=lifespan,
    )
    refusals.install(app)
    return app
