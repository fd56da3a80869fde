"""The shop's only book."""

from pydantic import BaseModel, ConfigDict, Field

DESCRIPTION = (
    "Two brothers who share one name, and two servants who share another, spend a day in Ephesus without knowing of "
    "each other. Everybody they meet takes each for his twin: a dinner, a gold chain and a marriage go to the wrong "
    "man. Of all that <b>William Shakespeare</b> wrote for the stage, it is the shortest, and the nearest to farce."
)


class Product(BaseModel):
    """A book for sale. The order of the fields is the order on the wire."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: int
    title: str
    description: str = Field(alias="descriptionHtml")
    """HTML of our own."""


PRODUCTS = (Product(id=0, title="The Comedy of Errors", description=DESCRIPTION),)
