"""Webapp's JSON interface."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from services.webapp.models import Item, User
from services.webapp.state import catalog_of, forum_of

router = APIRouter(prefix="/api")
ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""The original looks at the path only."""


@router.api_route("/catalog", methods=ANY_METHOD, response_model_exclude_none=True, include_in_schema=False)
async def list_items(request: Request) -> list[Item]:
    """Every item of catalog's, whatever the method."""
    return await catalog_of(request).items()


@router.get("/catalog/items/{item_id}", response_model_exclude_none=True)
async def get_item(item_id: int, request: Request) -> Item:
    """One item of catalog's."""
    return await catalog_of(request).item(item_id)


@router.post("/catalog/items", status_code=HTTPStatus.CREATED, response_model_exclude_none=True)
async def add_item(request: Request, response: Response) -> Item:
    """Adds an item; catalog alone judges the body."""
    item = await catalog_of(request).add(await request.body(), request.headers.get("content-type"))
    response.headers["Location"] = f"/api/catalog/items/{item.id}"
    return item


@router.get("/catalog/items/{item_id}/picture")
async def get_picture(item_id: int, request: Request) -> Response:
    """An item's picture, as catalog draws it."""
    picture = await catalog_of(request).picture(item_id)
    kept = ("content-type", "cache-control", "content-security-policy")
    return Response(picture.content, headers={name: picture.headers[name] for name in kept if name in picture.headers})


@router.get("/users")
async def list_users(request: Request) -> list[User]:
    """Every user of the forum's."""
    return await forum_of(request).users()


@router.get("/healthz")
async def healthz() -> PlainTextResponse:
    """What the original answered to whoever asked after its health."""
    return PlainTextResponse("Healthy!")
