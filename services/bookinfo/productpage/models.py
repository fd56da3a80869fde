"""What details and reviews send, as far as the page shows it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Details(BaseModel):
    """What details says of the book."""

    model_config = ConfigDict(frozen=True)

    author: str
    year: int | str
    type: str
    pages: int
    publisher: str
    language: str
    isbn_10: Annotated[str, Field(alias="ISBN-10")]
    isbn_13: Annotated[str, Field(alias="ISBN-13")]


class Rating(BaseModel):
    """Stars, or why there are none."""

    model_config = ConfigDict(frozen=True)

    stars: int = 0
    """Five are drawn at most: the original's ratings takes any number."""
    color: Annotated[str, Field(pattern=r"^[A-Za-z]{1,30}$")] = "gray"
    """By a name that browsers know."""
    error: str = ""


class Review(BaseModel):
    """One opinion."""

    model_config = ConfigDict(frozen=True)

    reviewer: str
    text: str
    rating: Rating | None = None


class Reviews(BaseModel):
    """What reviews says of the book."""

    model_config = ConfigDict(frozen=True)

    podname: str = ""
    clustername: str = ""
    reviews: list[Review]
