"""The items, in memory."""

from services.catalog.models import Item, NewItem

FIRST_ITEMS = (
    Item(id=1, color="amber", department="Eyewear", name="Elinor Glasses", price="282.00"),
    Item(id=2, color="cyan", department="Clothing", name="Atlas Shirt", price="127.00"),
    Item(id=3, color="teal", department="Clothing", name="Small Metal Shoes", price="232.00"),
    Item(id=4, color="red", department="Watches", name="Red Dragon Watch", price="232.00"),
)


class StoreFullError(Exception):
    """No further item fits in."""


class UnknownItemError(Exception):
    """There is no item with this id."""


class ItemStore:
    """Items by id, in the order of their ids.

    Args:
        max_items: How many it holds, the first four among them.
    """

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._items = {item.id: item for item in FIRST_ITEMS}

    def all(self) -> list[Item]:
        """Every item."""
        return list(self._items.values())

    def get(self, item_id: int) -> Item:
        """One item.

        Raises:
            UnknownItemError: there is none with this id.
        """
        try:
            return self._items[item_id]
        except KeyError:
            raise UnknownItemError(f"there is no item {item_id}") from None

    def add(self, new: NewItem) -> Item:
        """Keeps `new` under the highest id plus one.

        Raises:
            StoreFullError: the store holds all that it can.
        """
        if len(self._items) >= self._max_items:
            raise StoreFullError(f"the store is full: it holds {self._max_items} items (MAX_ITEMS)")
        item = Item(id=max(self._items) + 1, **new.model_dump())
        self._items[item.id] = item
        return item
