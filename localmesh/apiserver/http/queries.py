"""What a request's query says."""

from starlette.datastructures import QueryParams


def is_on(query: QueryParams, name: str) -> bool:
    """Tell whether a switch is set, as an API server reads it: by whatever is neither `false`, in any case, nor `0`."""
    return query.get(name, "false").lower() not in ("false", "0")
