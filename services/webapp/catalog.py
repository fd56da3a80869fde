"""The only place that speaks HTTP to catalog."""

from dataclasses import dataclass

import httpx
from pydantic import TypeAdapter

from services.chassis.forwarding import ForwardedHeaders
from services.webapp.models import Item
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
        return await self.upstream.fetch(_ITEMS, "GET", "/items", headers)

    async def item(self, item_id: int, headers: ForwardedHeaders) -> Item:
        """One item."""
        return await self.upstream.fetch(_ITEM, "GET", f"/items/{item_id}", headers)

    async def add(self, body: bytes, headers: ForwardedHeaders) -> Item:
        """Has catalog check and keep a new item, which `body` says as JSON."""
        return await self.upstream.fetch(_ITEM, "POST", "/items", headers, content=body)

    async def picture(self, item_id: int, headers: ForwardedHeaders) -> httpx.Response:
        """Catalog's answer with an item's picture."""
        return await self.upstream.call("GET", f"/items/{item_id}/picture", headers)
