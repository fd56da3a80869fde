"""Details from a public book service (version 2): volumes of the Google Books API, v1."""

from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from services.bookinfo.calls import Caller
from services.bookinfo.details.models import Details
from services.bookinfo.refusals import RefusalError
from services.chassis.forwarding import ForwardedHeaders

ISBN = "0486424618"
"""An edition of The Comedy of Errors."""
TIMEOUT_SECONDS = 5.0


class Identifier(BaseModel):
    """One of a volume's numbers."""

    type: str
    identifier: str


class VolumeInfo(BaseModel):
    """What the service knows of a volume, as far as it is shown here."""

    authors: Annotated[list[str], Field(min_length=1)]
    published_date: Annotated[str, Field(alias="publishedDate")] = "unknown"
    print_type: Annotated[str, Field(alias="printType")] = ""
    page_count: Annotated[int, Field(alias="pageCount")] = 0
    publisher: str = "unknown"
    language: str = ""
    identifiers: Annotated[list[Identifier], Field(alias="industryIdentifiers")] = []

    def number(self, kind: str) -> str:
        """The volume's number of a kind such as ISBN_10."""
        return next((entry.identifier for entry in self.identifiers if entry.type == kind), "unknown")


class Volume(BaseModel):
    """A volume."""

    info: Annotated[VolumeInfo, Field(alias="volumeInfo")]


class Found(BaseModel):
    """The service's answer to a search."""

    items: Annotated[list[Volume], Field(min_length=1)]


async def fetch(caller: Caller, base_url: str, product_id: int, headers: ForwardedHeaders) -> Details:
    """The book's details as the service has them.

    Raises:
        RefusalError: it failed, or knows no such book.
    """
    answer = await caller.get(f"{base_url}/books/v1/volumes?q=isbn:{ISBN}", headers, TIMEOUT_SECONDS)
    if not answer.ok:
        raise RefusalError(HTTPStatus.BAD_GATEWAY, f"the external book service {answer.problem}")
    try:
        return _details(product_id, Found.model_validate(answer.body).items[0].info)
    except ValidationError:
        raise RefusalError(HTTPStatus.BAD_GATEWAY, "the external book service knows no such book") from None


def _details(product_id: int, info: VolumeInfo) -> Details:
    return Details(
        id=product_id,
        author=info.authors[0],
        year=info.published_date,
        type="paperback" if info.print_type == "BOOK" else "unknown",
        pages=info.page_count,
        publisher=info.publisher,
        language="English" if info.language == "en" else "unknown",
        isbn_10=info.number("ISBN_10"),
        isbn_13=info.number("ISBN_13"),
    )
