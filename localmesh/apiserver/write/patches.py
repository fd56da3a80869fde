"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902)."""

import json
from typing import Any

import jsonpatch
import msgspec

from localmesh.core.objects import copied

MOST_OPERATIONS = 10_000
MOST_COPIED = 3 * 1024 * 1024
"""Bytes. Both are an API server's limits: a few copies of copies fill any memory."""

_MISFITS = (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, LookupError, AttributeError)
"""What the library raises for operations that do not fit the document, and for what is no operation."""

_REJECTED = "the server rejected our request due to an error in our request"
"""What an API server says of a JSON patch that does not fit, and all that it says; here follows what does not fit."""


class PatchError(ValueError):
    """A patch that cannot be applied to this object, in words for its author."""


def merge(original: Any, patch: Any) -> Any:
    """Return the original with a JSON merge patch applied; neither argument is changed."""
    if not isinstance(patch, dict):
        return copied(patch)
    merged = dict(original) if isinstance(original, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def apply_operations(original: Any, operations: Any) -> Any:
    """Return the original with a JSON patch (RFC 6902) applied; neither argument is changed. Raises PatchError."""
    if not isinstance(operations, list) or len(operations) > MOST_OPERATIONS:
        raise PatchError(f"a JSON patch is a list of operations, {MOST_OPERATIONS} at most")
    document, copies = copied(original), 0
    for index, operation in enumerate(copied(operations)):
        try:
            copies += _size_of_copy(document, operation)
            if copies > MOST_COPIED:
                raise PatchError(f"{_REJECTED}: operation {index}: the copies are larger than {MOST_COPIED} bytes")
            document = jsonpatch.apply_patch(document, [operation], in_place=True)
        except _MISFITS as error:
            raise PatchError(f"{_REJECTED}: operation {index}: {_misfit(operation, error)}") from error
    return document


def _size_of_copy(document: Any, operation: Any) -> int:
    """Return how many bytes an operation adds to a document as a copy of a part of it."""
    if not isinstance(operation, dict) or operation.get("op") != "copy" or not isinstance(operation.get("from"), str):
        return 0
    return len(msgspec.json.encode(jsonpatch.JsonPointer(operation["from"]).resolve(document)))


def _misfit(operation: Any, error: Exception) -> str:
    """Return why an operation is not applied, in the words of the library that API servers use (evanphx/json-patch)."""
    if isinstance(error, jsonpatch.InvalidJsonPatch) or not isinstance(operation, dict):
        return f"{json.dumps(operation)} is no operation of a JSON patch"
    if isinstance(error, jsonpatch.JsonPatchTestFailed):
        return f"testing value {operation['path']} failed: test failed"
    missing = operation["from"] if operation["op"] in ("copy", "move") else operation["path"]
    return f"{operation['op']} operation does not apply: doc is missing path: {missing}: missing value"
