"""Catalog's HTTP interface."""

import json
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from services.catalog import pictures
from services.catalog.faults import Faults
from services.catalog.models import FaultName, FaultOrder, FaultReport, Item, ItemWithImage, NewItem
from services.catalog.settings import Settings
from services.catalog.store import ItemStore


def _store(request: Request) -> ItemStore:
    return cast("ItemStore", request.state.store)


def _faults(request: Request) -> Faults:
    return cast("Faults", request.state.faults)


def _settings(request: Request) -> Settings:
    return cast("Settings", request.state.settings)


StoreDep = Annotated[ItemStore, Depends(_store)]
FaultsDep = Annotated[Faults, Depends(_faults)]
SettingsDep = Annotated[Settings, Depends(_settings)]


async def _strike(faults: FaultsDep) -> None:
    await faults.strike()


items = APIRouter(prefix="/items", dependencies=[Depends(_strike)])
"""The paths that faults hit."""
spared = APIRouter()
"""The paths that they do not."""


def _answer(item: Item, settings: Settings) -> Item:
    if not settings.show_image:
        return item
    return ItemWithImage(**item.model_dump(), image_url=settings.image_url.replace("{id}", str(item.id)))


@items.get("")
async def list_items(store: StoreDep, settings: SettingsDep) -> list[Item | ItemWithImage]:
    """Every item."""
    return [_answer(item, settings) for item in store.all()]


@items.get("/{item_id}")
async def get_item(item_id: int, store: StoreDep, settings: SettingsDep) -> Item | ItemWithImage:
    """One item."""
    return _answer(store.get(item_id), settings)


@items.post("", status_code=HTTPStatus.CREATED)
async def add_item(new: NewItem, store: StoreDep, settings: SettingsDep, response: Response) -> Item | ItemWithImage:
    """Keeps a new item and answers with it."""
    item = store.add(new)
    response.headers["Location"] = f"/items/{item.id}"
    return _answer(item, settings)


@spared.get("/items/{item_id}/picture")
async def get_picture(item_id: int, store: StoreDep) -> Response:
    """A drawing of the item, the same from every version."""
    # The policy keeps a browser that opens the picture by itself from running anything in it.
    headers = {"Cache-Control": "max-age=60", "Content-Security-Policy": "default-src 'none'"}
    return Response(pictures.draw(store.get(item_id)), headers=headers, media_type=pictures.MEDIA_TYPE)


@spared.get("/blowup", response_model_exclude_none=True)
async def get_faults(faults: FaultsDep) -> dict[str, FaultReport]:
    """The active faults, keyed by type."""
    return faults.reports()


@spared.post("/blowup")
async def set_fault(order: FaultOrder, faults: FaultsDep) -> PlainTextResponse:
    """Switches a fault on or off."""
    faults.set(order)
    active = {name: f"{report.percentage:g}%" for name, report in faults.reports().items()}
    return PlainTextResponse(f"blowups={json.dumps(active)}")


@spared.delete("/blowup")
async def delete_fault(fault: FaultName, faults: FaultsDep) -> PlainTextResponse:
    """Switches a fault off."""
    faults.delete(fault.type)
    return PlainTextResponse(f"deleted blowup {fault.type}")
