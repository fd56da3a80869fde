"""The page: the service graph, items and users, drawn by the server."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.templating import Jinja2Templates

from services.chassis.identity import hops_so_far
from services.webapp.state import catalog_of, forum_of
from services.webapp.upstream import UpstreamAbsentError, UpstreamError

HERE = Path(__file__).parent
STATIC = HERE / "static"
SHOWN = 4
"""How many items and users the page lists."""
# Whatever an item may contain, the browser fetches nothing from anywhere else.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(directory=HERE / "templates")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Panel(Generic[T]):
    """What one service contributes to the page."""

    state: Literal["up", "down", "absent"]
    """Absent is no alarm."""
    rows: list[T]
    total: int = 0
    """How many there are, shown or not."""
    problem: str = ""
    """Why there are no rows."""


async def _panel(call: Awaitable[list[T]], *, optional: bool = False) -> Panel[T]:
    """What `call` gives; an `optional` service that does not exist is absent, and not down."""
    try:
        rows = await call
    except UpstreamAbsentError as error:
        return Panel("absent" if optional else "down", [], problem=str(error))
    except UpstreamError as error:
        return Panel("down", [], problem=str(error))
    return Panel("up", rows[:SHOWN], total=len(rows))


@router.get("/")
async def page(request: Request) -> Response:
    """The storefront as people see it; always 200, for it says itself what is broken."""
    items, users = await asyncio.gather(
        _panel(catalog_of(request).items()), _panel(forum_of(request).users(), optional=True)
    )
    return templates.TemplateResponse(
        request,
        "page.html",
        {"items": items, "users": users, "catalog": next((hop for hop in hops_so_far() if "catalog" in hop), None)},
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )
