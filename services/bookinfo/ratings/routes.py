"""Ratings' HTTP interface."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, Strict, StringConstraints, TypeAdapter, ValidationError

from services.bookinfo.ratings.faults import Faults
from services.bookinfo.ratings.store import RatingStore
from services.bookinfo.refusals import RefusalError, numeric

NOT_NUMERIC = "please provide numeric product ID"
BAD_RATINGS = 'please provide valid ratings JSON, such as {"Reviewer1": 5}: whole stars from 0 to 5, by reviewer'
Reviewer = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Stars = Annotated[int, Strict(), Field(ge=0, le=5)]
_RATINGS = TypeAdapter(Annotated[dict[Reviewer, Stars], Field(max_length=100)])

router = APIRouter()


class ProductRatings(BaseModel):
    """Body of every answer that is no error."""

    id: int
    ratings: Mapping[str, int]
    """Stars by reviewer."""


async def _store(request: Request) -> RatingStore:
    return cast("RatingStore", request.state.store)


async def _faults(request: Request) -> Faults:
    return cast("Faults", request.state.faults)


StoreDep = Annotated[RatingStore, Depends(_store)]
FaultsDep = Annotated[Faults, Depends(_faults)]


@router.get("/ratings/{product_id}")
async def get_ratings(product_id: str, store: StoreDep, faults: FaultsDep) -> ProductRatings:
    """A product's ratings; what fails on purpose fails here."""
    number = numeric(product_id, NOT_NUMERIC)
    await faults.strike()
    return ProductRatings(id=number, ratings=store.get(number))


@router.post("/ratings/{product_id}")
async def put_ratings(product_id: str, request: Request, store: StoreDep) -> ProductRatings:
    """Replaces a product's ratings."""
    number = numeric(product_id, NOT_NUMERIC)
    try:
        ratings = _RATINGS.validate_json(await request.body())
    except ValidationError:
        raise RefusalError(HTTPStatus.BAD_REQUEST, BAD_RATINGS) from None
    store.put(number, ratings)
    return ProductRatings(id=number, ratings=ratings)


@router.get("/health")
async def health(faults: FaultsDep, response: Response) -> dict[str, str]:
    """What the original answers to whoever asks after its health."""
    if faults.healthy:
        return {"status": "Ratings is healthy"}
    response.status_code = HTTPStatus.INTERNAL_SERVER_ERROR
    return {"status": "Ratings is not healthy"}
