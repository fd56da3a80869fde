"""What catalog and forum send, as far as webapp passes it on."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.chassis.values import Text


class Item(BaseModel):
    """An item of catalog's. The order of the fields is the order on the wire."""

    model_config = ConfigDict(frozen=True)

    id: int
    color: str
    department: str
    name: str
    price: str
    image_url: Annotated[str | None, Field(alias="imageUrl")] = None
    """Only version 2 sends one."""


class NewItem(BaseModel):
    """An item as catalog takes it, for OpenAPI only: catalog alone judges what comes."""

    model_config = ConfigDict(extra="forbid")

    id: int | None = None
    color: Text
    department: Text
    name: Text
    price: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$")]


class User(BaseModel):
    """A user of the forum's; fields that webapp does not show pass through."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: int
    name: str = ""
    username: str = ""
    email: str = ""
