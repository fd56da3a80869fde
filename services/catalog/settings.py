"""What catalog reads from its environment."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """Catalog's environment."""

    port: Port = 3000
    """TCP port to listen on."""
    show_image: bool = False
    """Whether items carry ``imageUrl``: what sets version 2 apart from version 1."""
    image_url: Annotated[str, Field(max_length=2048)] = "/api/catalog/items/{id}/picture"
    """The value of ``imageUrl``, with ``{id}`` for the item's id.

    The default is a path that webapp serves. The original's was ``http://lorempixel.com/640/480``.
    """
    max_items: Annotated[int, Field(ge=4)] = 1000
    """How many items the store holds."""
    fault_seed: int | None = None
    """Seed of the draws that decide which requests a fault hits; random unless set."""
