"""Apps of telemetry, asked without a socket, behind the guard that stands before them when they are served."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.types import ASGIApp

from localmesh.telemetry.host_guard import HostGuard

BASE = "http://127.0.0.1:30003"


@asynccontextmanager
async def asking(app: ASGIApp, max_body: int = 100_000, mesh_id: str = "") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(HostGuard(app, max_body, mesh_id))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client
