"""What a request's query says."""

from starlette.datastructures import QueryParams


def is_on(query: QueryParams, name: str) -> bool:
    """Tell whether a switch is set, as clients write it."""
    return query.get(name) in ("true", "1")
