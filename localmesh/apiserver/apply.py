"""Server-side apply in a small form: each manager owns what it applied last, and the latest word wins.

There is no detection of conflicts, and `managedFields` is not kept.
"""

import copy
from typing import Any

from localmesh.kinds.objects import Object
from localmesh.kinds.schema import Schema

_ANY = Schema()
_KEY_DEFAULTS = {"protocol": "TCP"}
"""Defaults of fields that tell a list's items apart (ports of Services and of containers)."""


def apply(live: Object, previous: Object, wanted: Object, schema: Schema) -> Object:
    """Return the live object with what is wanted, and without what the manager applied last and now leaves out.

    No argument is changed.
    """
    merged = dict(live)
    for name in previous.keys() - wanted.keys():
        kept = _without(live.get(name), previous[name], schema.child(name) or _ANY)
        merged.pop(name, None)
        if kept:
            merged[name] = kept
    for name, value in wanted.items():
        merged[name] = _value(live.get(name), previous.get(name), value, schema.child(name) or _ANY)
    return merged


def _without(live: Any, previous: Any, schema: Schema) -> Any:
    """Return what others own of a value that the manager no longer applies, None or something empty for nothing."""
    if isinstance(live, dict) and isinstance(previous, dict):
        return apply(live, previous, {}, schema)
    if isinstance(live, list) and isinstance(previous, list) and (schema.map_keys or schema.is_set):
        return _value(live, previous, [], schema)
    return None


def _value(live: Any, previous: Any, wanted: Any, schema: Schema) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        return apply(live, previous if isinstance(previous, dict) else {}, wanted, schema)
    if isinstance(wanted, list) and isinstance(live, list):
        before = previous if isinstance(previous, list) else []
        if schema.map_keys:
            return _keyed_list(live, before, wanted, schema)
        if schema.is_set:
            return [item for item in live if item not in before or item in wanted] + [
                item for item in wanted if item not in live
            ]
    return copy.deepcopy(wanted)


def _keyed_list(live: list[Object], previous: list[Any], wanted: list[Any], schema: Schema) -> list[Any]:
    if not all(isinstance(item, dict) for item in wanted):
        return copy.deepcopy(wanted)  # its schema says why it is refused
    keys = schema.map_keys
    applied = [_value(_like(item, live, keys), _like(item, previous, keys), item, schema.item()) for item in wanted]
    return applied + [item for item in live if _like(item, [*wanted, *previous], keys) is None]


def _like(item: Object, items: list[Any], keys: list[str]) -> Object | None:
    """Return the item among others that has the same keys."""

    def identity(known: Object) -> list[Any]:
        return [known.get(key, _KEY_DEFAULTS.get(key)) for key in keys]

    return next((known for known in items if isinstance(known, dict) and identity(known) == identity(item)), None)
