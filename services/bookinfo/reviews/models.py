"""What goes over the wire."""

from pydantic import BaseModel, ConfigDict


class Stars(BaseModel):
    """A reviewer's rating."""

    stars: int
    color: str


class NoStars(BaseModel):
    """Why there is no rating."""

    error: str = "Ratings service is currently unavailable"


class Review(BaseModel):
    """One opinion."""

    reviewer: str
    text: str
    rating: Stars | NoStars | None = None
    """Left out by version 1."""


class ProductReviews(BaseModel):
    """Body of the answer. The order of the fields is the order on the wire."""

    id: str
    """The product's id, as text."""
    podname: str
    clustername: str
    reviews: list[Review]


class ProductRatings(BaseModel):
    """Ratings' answer, as far as it is read."""

    model_config = ConfigDict(frozen=True)

    ratings: dict[str, int] = {}
    """Stars by reviewer."""


OPINIONS = (
    Review(
        reviewer="Reviewer1",
        text="Two pairs of twins, one harbour town and not a quiet minute: I lost track of who owed whom the gold "
        "chain, and laughed all the way to the last door.",
    ),
    Review(
        reviewer="Reviewer2",
        text="Short, loud and better on a stage than on paper; but the last scene, when everybody turns out to be "
        "who they said they were, is worth all the confusion.",
    ),
)
