"""What goes over the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Details(BaseModel):
    """A book's details. The order of the fields is the order on the wire."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: int
    author: str
    year: int | str
    """Year of publication; the public service may say a whole date."""
    type: str
    pages: int
    publisher: str
    language: str
    isbn_10: Annotated[str, Field(alias="ISBN-10")]
    isbn_13: Annotated[str, Field(alias="ISBN-13")]


def printed(product_id: int) -> Details:
    """The only book's details, whatever its id."""
    return Details(
        id=product_id,
        author="William Shakespeare",
        year=1595,
        type="paperback",
        pages=200,
        publisher="PublisherA",
        language="English",
        isbn_10="1234567890",
        isbn_13="123-1234567890",
    )
