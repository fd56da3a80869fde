"""The only place that speaks HTTP to catalog."""

from dataclasses import dataclass

import httpx
from pydantic import TypeAdapter, ValidationError

from services.webapp.models import Item
from services.webapp.propagation import ForwardedHeaders
from services.webapp.upstream import Upstream

NAME = "Catalog"
_ITEM = TypeAdapter(Item)
_ITEMS = TypeAdapter(list[Item])


@dataclass(frozen=True, slots=True)
class CatalogClient:
    """Catalog's interface. Every method raises what `Upstream.call` raises."""

    upstream: Upstream
    """Where catalog is."""

    async def items(self, headers: ForwardedHeaders) -> list[Item]:
        """All items."""
        path = "/items"
        response = await self.upstream.call("GET", path, headers)
        try:
            return _ITEMS.validate_json(response.content)
        except ValidationError as error:
            raise self.upstream.rubbish("GET", path) from error

    async def item(self, item_id: int, headers: ForwardedHeaders) -> Item:
        """One item."""
        path = f"/items/{item_id}"
        response = await self.upstream.call("GET", path, headers)
        try:
            return _ITEM.validate_json(response.content)
        except ValidationError as error:
            raise self.upstream.rubbish("GET", path) from error

    async def add(self, body: bytes, headers: ForwardedHeaders) -> Item:
        """Has catalog check and keep a new item, which `body` says as JSON."""
        path = "/items"
        response = await self.upstream.call("POST", path, headers, content=body)
        try:
            return _ITEM.validate_json(response.content)
        except ValidationError as error:
            raise self.upstream.rubbish("POST", path) from error

    async def picture(self, item_id: int, headers: ForwardedHeaders) -> httpx.Response:
        """Catalog's answer with an item's picture."""
        return await self.upstream.call("GET", f"/items/{item_id}/picture", headers)
