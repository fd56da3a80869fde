"""The only place that speaks HTTP to catalog."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from services.chassis.forwarding import ForwardedHeaders
from services.webapp.models import Item
from services.webapp.upstream import Answer, Upstream

NAME = "Catalog"
_ITEM = TypeAdapter(Item)
_ITEMS = TypeAdapter(list[Item])


@dataclass(frozen=True, slots=True)
class CatalogClient:
    """Catalog's interface, for one request of a caller's. Every method raises what `Upstream.call` raises."""

    upstream: Upstream
    """Where catalog is."""
    headers: ForwardedHeaders
    """What goes along with each call."""

    async def items(self) -> list[Item]:
        """All items."""
        return await self.upstream.fetch(_ITEMS, "GET", "/items", self.headers)

    async def item(self, item_id: int) -> Item:
        """One item."""
        return await self.upstream.fetch(_ITEM, "GET", f"/items/{item_id}", self.headers)

    async def add(self, body: bytes, content_type: str | None) -> Item:
        """Has catalog check and keep a new item, which `body` says; what type that is of, catalog judges too."""
        headers = [*self.headers, (b"content-type", content_type.encode("latin-1"))] if content_type else self.headers
        return await self.upstream.fetch(_ITEM, "POST", "/items", headers, content=body)

    async def picture(self, item_id: int) -> Answer:
        """Catalog's answer with an item's picture."""
        return await self.upstream.call("GET", f"/items/{item_id}/picture", self.headers)
