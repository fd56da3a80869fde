"""Catalog's HTTP interface."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute

from services.catalog import pictures
from services.catalog.faults import Faults
from services.catalog.models import FaultName, FaultOrder, FaultReport, Item, ItemWithImage, NewItem
from services.catalog.settings import Settings
from services.catalog.store import ItemStore
from services.chassis.problems import described
from services.chassis.values import Id


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the routes work on: the lifespan's, for as long as the app is served."""

    settings: Settings
    """What it is to do."""
    store: ItemStore
    """The items."""
    faults: Faults
    """The faults that are switched on."""


def catalog_of(request: Request) -> Catalog:
    """The app's catalog; as a dependency of FastAPI's, it would make a request an eighth dearer."""
    return cast("Catalog", request.state.catalog)


class Picture(Response):
    """An SVG document."""

    media_type = pictures.MEDIA_TYPE


class StruckRoute(APIRoute):
    """A route that faults hit, before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the faults."""
        answer = super().get_route_handler()

        async def strike_and_answer(request: Request) -> Response:
            await catalog_of(request).faults.strike()
            return await answer(request)

        return strike_and_answer


_FAULT: dict[int | str, dict[str, Any]] = {"default": {"description": "A fault, if any is switched on: no body"}}
_JUDGED = described(400, 413, 422)

items = APIRouter(prefix="/items", route_class=StruckRoute, responses=_FAULT)
"""The paths that faults hit."""
spared = APIRouter()
"""The paths that they do not."""


def _answer(item: Item, settings: Settings) -> Item:
    if not settings.show_image:
        return item
    return ItemWithImage(**item.model_dump(), image_url=settings.image_url.replace("{id}", str(item.id)))


@items.get("")
async def list_items(request: Request) -> list[Item | ItemWithImage]:
    """Every item."""
    catalog = catalog_of(request)
    return [_answer(item, catalog.settings) for item in catalog.store.all()]


@items.get("/{item_id}", responses=described(404, 422))
async def get_item(item_id: Id, request: Request) -> Item | ItemWithImage:
    """One item."""
    catalog = catalog_of(request)
    return _answer(catalog.store.get(item_id), catalog.settings)


@items.post("", status_code=HTTPStatus.CREATED, responses=_JUDGED | described(409))
async def add_item(new: NewItem, request: Request, response: Response) -> Item | ItemWithImage:
    """Keeps a new item and answers with it."""
    catalog = catalog_of(request)
    item = catalog.store.add(new)
    response.headers["Location"] = f"/items/{item.id}"
    return _answer(item, catalog.settings)


@spared.get("/items/{item_id}/picture", response_class=Picture, responses=described(404, 422))
async def get_picture(item_id: Id, request: Request) -> Picture:
    """A drawing of the item, the same from every version."""
    # The policy keeps a browser that opens the picture by itself from running anything in it.
    headers = {"Cache-Control": "max-age=60", "Content-Security-Policy": "default-src 'none'"}
    return Picture(pictures.draw(catalog_of(request).store.get(item_id)), headers=headers)


@spared.get("/blowup", response_model_exclude_none=True)
async def get_faults(request: Request) -> dict[str, FaultReport]:
    """The active faults, keyed by type."""
    return catalog_of(request).faults.reports()


@spared.post("/blowup", response_class=PlainTextResponse, responses=_JUDGED)
async def set_fault(order: FaultOrder, request: Request) -> PlainTextResponse:
    """Switches a fault on or off."""
    faults = catalog_of(request).faults
    faults.set(order)
    active = {name: f"{report.percentage:g}%" for name, report in faults.reports().items()}
    return PlainTextResponse(f"blowups={json.dumps(active)}")


@spared.delete("/blowup", response_class=PlainTextResponse, responses=_JUDGED)
async def delete_fault(fault: FaultName, request: Request) -> PlainTextResponse:
    """Switches a fault off."""
    catalog_of(request).faults.delete(fault.type)
    return PlainTextResponse(f"deleted blowup {fault.type}")
