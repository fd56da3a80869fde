"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902)."""

import copy
from typing import Any

import jsonpatch

_MISFITS = (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, LookupError, AttributeError)
"""What the library raises for operations that do not fit the document, and for what is no operation."""


class PatchError(ValueError):
    """A patch that cannot be applied to this object, in words for its author."""


def merge(original: Any, patch: Any) -> Any:
    """Return the original with a JSON merge patch applied; neither argument is changed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(original) if isinstance(original, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def apply_operations(original: Any, operations: Any) -> Any:
    """Return the original with a JSON patch (RFC 6902) applied; neither argument is changed. Raises PatchError."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    document = original
    for index, operation in enumerate(operations):
        try:
            document = jsonpatch.apply_patch(document, [operation])
        except _MISFITS as error:
            raise PatchError(f"operation {index} of the JSON patch, {operation}, cannot be applied: {error}") from error
    return document
