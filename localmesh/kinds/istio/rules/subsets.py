"""What istiod's webhook says of the names of subsets, in its words."""

from collections.abc import Iterator

from localmesh.kinds.istio.hosts import is_label
from localmesh.kinds.review import Problem


def subset_name_problems(path: str, name: str) -> Iterator[Problem]:
    """Yield what is wrong with a subset's name, here or where a route refers to it."""
    if not name:
        yield Problem(path, "subset name cannot be empty")
    elif not is_label(name):
        yield Problem(path, f"subset name is invalid: {name}")
