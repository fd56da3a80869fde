"""Which field may have been meant by one that does not exist."""

import re
from difflib import get_close_matches

from localmesh.kinds.resources import Resource
from localmesh.kinds.schema.definitions import Schema

_STEP = re.compile(r"\[[^]]*\]|[^.\[\]]+")


def did_you_mean(resource: Resource, path: str) -> str:
    """Return `; did you mean "hosts"?` for `spec.hots`, "" if no field there has such a name."""
    *way, name = _STEP.findall(path)
    schema = Schema.of(resource)
    for step in way:
        schema = schema.item() if step.startswith("[") else schema.child(step) or Schema()
    names = {known.lower(): known for known in schema.keywords.get("properties", {})}
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return f'; did you mean "{names[close[0]]}"?' if close else ""
