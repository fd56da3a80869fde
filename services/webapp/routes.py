"""Webapp's JSON interface."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from services.chassis.problems import described
from services.chassis.values import Id
from services.webapp.models import Item, NewItem, User
from services.webapp.state import catalog_of, forum_of

router = APIRouter(prefix="/api", responses=described(500, 503))
ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The original looks at the path only."""
PICTURES_OWN = (b"content-type", b"cache-control", b"content-security-policy")
"""The headers of a picture that go on, as they came."""


async def list_items(request: Request) -> list[Item]:
    """Every item of catalog's, whatever the method."""
    return await catalog_of(request).items()


for _method in ANY_METHOD:
    router.add_api_route(
        "/catalog",
        list_items,
        methods=[_method],
        operation_id=f"list_items_{_method.lower()}",
        response_model_exclude_none=True,
    )


@router.get("/catalog/items/{item_id}", response_model_exclude_none=True, responses=described(404, 422))
async def get_item(item_id: Id, request: Request) -> Item:
    """One item of catalog's."""
    return await catalog_of(request).item(item_id)


@router.post(
    "/catalog/items",
    status_code=HTTPStatus.CREATED,
    response_model_exclude_none=True,
    responses=described(400, 409, 413, 422),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": NewItem.model_json_schema()}}}
    },
)
async def add_item(request: Request, response: Response) -> Item:
    """Adds an item; catalog alone judges the body."""
    item = await catalog_of(request).add(await request.body(), request.headers.get("content-type"))
    response.headers["Location"] = f"/api/catalog/items/{item.id}"
    return item


@router.get(
    "/catalog/items/{item_id}/picture",
    response_class=Response,
    responses=described(404, 422) | {200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def get_picture(item_id: Id, request: Request) -> Response:
    """An item's picture, as catalog draws it."""
    picture = await catalog_of(request).picture(item_id)
    answer = Response(picture.content)
    answer.raw_headers += [(name.lower(), value) for name, value in picture.headers.raw if name.lower() in PICTURES_OWN]
    return answer


@router.get("/users")
async def list_users(request: Request) -> list[User]:
    """Every user of the forum's."""
    return await forum_of(request).users()


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> PlainTextResponse:
    """What the original answered to whoever asked after its health."""
    return PlainTextResponse("Healthy!")
