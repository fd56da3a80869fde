"""Strategic merge patch: what `kubectl apply`, `edit`, `patch` and `rollout` send for built-in kinds.

It is a merge patch that knows from the schema which lists are merged by a key. Its directives, all starting with `$`,
are those of Kubernetes' `strategicpatch` package.
"""

import json
from collections.abc import Sequence
from typing import Any

from localmesh.apiserver.write.patches import PatchError
from localmesh.core.objects import Object, copied
from localmesh.kinds.schema.definitions import Schema

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_SCALARS = "$deleteFromPrimitiveList/"
_ANY = Schema()


def merge(original: Object, patch: Object, schema: Schema) -> Object:
    """Return the original with the patch applied; neither argument is changed. Raises PatchError."""
    directive = patch.get(_DIRECTIVE)
    if directive == "delete":
        return {}
    if directive not in (None, "replace", "merge"):
        raise PatchError(f"$patch: {directive} is unknown: use delete, replace or merge")
    merged = {} if directive == "replace" else _retained(original, patch)
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _value(merged.get(name), value, schema.child(name) or _ANY)
    return _with_lists(merged, patch, schema)


def _retained(original: Object, patch: Object) -> Object:
    keep = _list_of(patch, _RETAIN) if _RETAIN in patch else None
    return {name: value for name, value in original.items() if keep is None or name in keep}


def _with_lists(merged: Object, patch: Object, schema: Schema) -> Object:
    """Carry out the directives about lists beside them: deletions of scalars first, then the order."""
    for name in filter(lambda name: name.startswith(_DELETE_SCALARS), patch):
        field = name.removeprefix(_DELETE_SCALARS)
        gone = _list_of(patch, name)
        merged[field] = [item for item in _list_of(merged, field) if item not in gone]
    for name in filter(lambda name: name.startswith(_ORDER), patch):
        field = name.removeprefix(_ORDER)
        key = (schema.child(field) or _ANY).merge_key
        if field in merged:
            merged[field] = _ordered(_list_of(merged, field), _list_of(patch, name), key)
    return merged


def _list_of(patch: Object, name: str) -> list[Any]:
    value = patch.get(name, [])
    if not isinstance(value, list):
        raise PatchError(f"{name} is a list, not {json.dumps(value)}")
    return value


def _value(original: Any, value: Any, schema: Schema) -> Any:
    if isinstance(value, dict):
        return merge(original if isinstance(original, dict) else {}, value, schema)
    if isinstance(value, list):
        return _list(original if isinstance(original, list) else [], value, schema)
    return value


def _list(original: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    if "merge" not in schema.strategies:
        return copied(patch)
    if schema.merge_key is None:
        return original + [item for item in patch if item not in original]
    return _keyed_list(original, patch, schema, schema.merge_key)


def _keyed_list(original: list[Object], patch: list[Object], schema: Schema, key: str) -> list[Object]:
    if {_DIRECTIVE: "replace"} in patch:
        original = []
    merged = list(original)
    for item in patch:
        if item == {_DIRECTIVE: "replace"}:
            continue
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f"an item of a list that is merged by {key} has no {key}: {json.dumps(item)}")
        place = next((index for index, known in enumerate(merged) if known.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            merged = [known for known in merged if known.get(key) != item[key]]
        elif place is None:
            merged.append(merge({}, item, schema.item()))
        else:
            merged[place] = merge(merged[place], item, schema.item())
    return merged


def _ordered(items: list[Any], order: Sequence[Any], key: str | None) -> list[Any]:
    """Bring items into the wanted order; what the order does not name stays behind its present neighbour."""

    def identity(item: Any) -> Any:
        return item.get(key) if key is not None and isinstance(item, dict) else item

    identities = [identity(item) for item in order]
    arranged = sorted(
        (item for item in items if identity(item) in identities), key=lambda item: identities.index(identity(item))
    )
    for index, item in enumerate(items):
        if identity(item) not in identities:
            before = items[index - 1] if index else None
            arranged.insert(arranged.index(before) + 1 if before in arranged else 0, item)
    return arranged
