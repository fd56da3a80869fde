"""The ratings, in memory."""

from collections.abc import Mapping
from http import HTTPStatus

from services.bookinfo.refusals import RefusalError

FIRST_RATINGS: Mapping[str, int] = {"Reviewer1": 5, "Reviewer2": 4}
"""Of every product that nobody rated otherwise."""


class RatingStore:
    """Stars by reviewer, by product.

    Args:
        max_products: Of how many products it keeps the ratings.
    """

    def __init__(self, max_products: int) -> None:
        self._max_products = max_products
        self._rated: dict[int, Mapping[str, int]] = {}

    def get(self, product_id: int) -> Mapping[str, int]:
        """A product's ratings."""
        return self._rated.get(product_id, FIRST_RATINGS)

    def put(self, product_id: int, ratings: Mapping[str, int]) -> None:
        """Replaces a product's ratings.

        Raises:
            RefusalError: it keeps those of as many products as it may.
        """
        if product_id not in self._rated and len(self._rated) >= self._max_products:
            # 409 and not 5xx: the mesh retries those, and trying again does not help.
            message = f"ratings are kept of {self._max_products} products at most (MAX_PRODUCTS)"
            raise RefusalError(HTTPStatus.CONFLICT, message)
        self._rated[product_id] = ratings
