"""Reviews' HTTP interface."""

from fastapi import APIRouter, Request
from pydantic import ValidationError

from services.bookinfo.calls import Caller, HeadersAndUserDep
from services.bookinfo.refusals import numeric
from services.bookinfo.reviews.models import OPINIONS, NoStars, ProductRatings, ProductReviews, Review, Stars
from services.bookinfo.reviews.settings import Settings
from services.chassis.forwarding import ForwardedHeaders

router = APIRouter()


@router.get("/reviews/{product_id}", response_model_exclude_none=True)
async def get_reviews(product_id: str, request: Request, headers: HeadersAndUserDep) -> ProductReviews:
    """Two opinions of a book, with stars unless this is version 1."""
    number = numeric(product_id, "please provide numeric product ID")
    settings: Settings = request.state.settings
    reviews = list(OPINIONS)
    if settings.asks_ratings:
        ratings = await _ratings(request.state.caller, settings, number, headers)
        reviews = [_rated(review, ratings, settings.color) for review in OPINIONS]
    return ProductReviews(id=str(number), podname=settings.hostname, clustername=settings.cluster_name, reviews=reviews)


@router.get("/health")
async def health() -> dict[str, str]:
    """What the original answers to whoever asks after its health."""
    return {"status": "Reviews is healthy"}


async def _ratings(caller: Caller, settings: Settings, product_id: int, headers: ForwardedHeaders) -> dict[str, int]:
    """Stars by reviewer; none when ratings failed."""
    url = f"{settings.ratings_url}/ratings/{product_id}"
    answer = await caller.get(url, headers, settings.ratings_timeout_seconds)
    try:
        return ProductRatings.model_validate(answer.body).ratings if answer.ok else {}
    except ValidationError:
        return {}


def _rated(review: Review, ratings: dict[str, int], color: str) -> Review:
    stars = ratings.get(review.reviewer)
    rating = NoStars() if stars is None else Stars(stars=stars, color=color)
    return review.model_copy(update={"rating": rating})
