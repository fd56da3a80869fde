"""The catalog application: a function of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypedDict

from fastapi import FastAPI, Request, Response

from services.catalog.faults import ConnectionDropError, Faults, StatusFaultError
from services.catalog.routes import Catalog, items, spared
from services.catalog.settings import Settings
from services.catalog.store import ItemStore, StoreFullError, UnknownItemError
from services.chassis.app import ServiceApp
from services.chassis.connection import NoAnswer
from services.chassis.probes import Readiness
from services.chassis.problems import problem
from services.chassis.telemetry import Telemetry


class State(TypedDict):
    """What a request finds in ``request.state``."""

    catalog: Catalog


def create_app(
    settings: Settings, *, readiness: Readiness | None = None, telemetry: Telemetry | None = None
) -> FastAPI:
    """Catalog as an ASGI application.

    Args:
        settings: What it is to do.
        readiness: Turned off by whoever serves it, when it is about to end.
        telemetry: Where its spans go; nothing is recorded unless given.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        yield {"catalog": Catalog(settings, ItemStore(settings.max_items), Faults(settings.fault_seed))}

    app = ServiceApp(
        "catalog",
        readiness=readiness or Readiness(),
        telemetry=telemetry or Telemetry(),
        routes=[*items.routes, *spared.routes],
        lifespan=lifespan,
    )
    app.exception_handler(UnknownItemError)(_not_found)
    app.exception_handler(StoreFullError)(_full)
    app.exception_handler(StatusFaultError)(_status_fault)
    app.exception_handler(ConnectionDropError)(_drop)
    return app


async def _not_found(_request: Request, error: UnknownItemError) -> Response:
    return problem(HTTPStatus.NOT_FOUND, str(error))


async def _full(_request: Request, error: StoreFullError) -> Response:
    # 409 and not 5xx: the mesh retries those, and trying again does not help.
    return problem(HTTPStatus.CONFLICT, str(error))


async def _status_fault(_request: Request, error: StatusFaultError) -> Response:
    return Response(status_code=error.status)


async def _drop(_request: Request, _error: ConnectionDropError) -> Response:
    return NoAnswer()
