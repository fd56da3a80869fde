"""The page as people see it, drawn by the server."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, ValidationError

from services.bookinfo.calls import Answer
from services.bookinfo.productpage.dependencies import BackendsDep, ForwardedDep, SettingsDep, UserDep
from services.bookinfo.productpage.models import Details, Reviews
from services.bookinfo.productpage.products import PRODUCTS
from services.bookinfo.productpage.session import MAX_NAME

HERE = Path(__file__).parent
STATIC = HERE / "static"
# Whatever a service may answer, the browser fetches nothing from anywhere else.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'"

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(directory=HERE / "templates")
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Panel(Generic[T]):
    """What one service contributes to the page."""

    content: T | None
    """None when the service failed."""
    problem: str = ""
    """How it failed, after its name."""


def _panel(kind: type[T], answer: Answer) -> Panel[T]:
    if not answer.ok:
        return Panel(None, answer.problem)
    try:
        return Panel(kind.model_validate(answer.body))
    except ValidationError:
        return Panel(None, "answered something unexpected")


@router.get("/")
@router.get("/index.html")
async def index(request: Request, settings: SettingsDep, user: UserDep) -> Response:
    """The services, and ways to the product."""
    addresses = {
        "details": settings.details_url,
        "reviews": settings.reviews_url,
        "ratings": settings.ratings_url,
    }
    return _rendered(request, "index.html", user, addresses=addresses)


@router.get("/productpage")
async def product_page(
    request: Request, backends: BackendsDep, settings: SettingsDep, headers: ForwardedDep, user: UserDep
) -> Response:
    """The book with its details and reviews; always 200, for it says itself what is missing."""
    product = PRODUCTS[0]
    number = str(product.id)
    details, reviews, _ = await asyncio.gather(
        backends.ask("details", number, headers),
        backends.ask("reviews", number, headers),
        backends.flood(settings.flood_factor, number, headers),
    )
    panels = {"details": _panel(Details, details), "reviews": _panel(Reviews, reviews)}
    return _rendered(request, "product.html", user, product=product, **panels)


def _rendered(request: Request, template: str, user: str, **context: object) -> Response:
    return templates.TemplateResponse(
        request,
        template,
        {"user": user, "max_name": MAX_NAME, **context},
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )
