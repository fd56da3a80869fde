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
    merged = {name: value for name, value in live.items() if name in wanted or name not in previous}
    for name, value in wanted.items():
        child = schema.child(name) or _ANY
        merged[name] = _value(live.get(name), previous.get(name), value, child)
    return merged


def _value(live: Any, previous: Any, wanted: Any, schema: Schema) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        return apply(live, previous if isinstance(previous, dict) else {}, wanted, schema)
    if isinstance(wanted, list) and isinstance(live, list):
        before = previous if isinstance(previous, list) else []
        if schema.map_keys:
            return _keyed_list(live, before, wanted, schema)
        if schema.is_set:
            return [item for item in live if item not in before] + [item for item in wanted if item not in live]
    return copy.deepcopy(wanted)


def _keyed_list(live: list[Object], previous: list[Object], wanted: list[Object], schema: Schema) -> list[Object]:
    def identity(item: Object) -> tuple[Any, ...]:
        return tuple(item.get(key, _KEY_DEFAULTS.get(key)) for key in schema.map_keys)

    known = {identity(item): item for item in live}
    before = {identity(item): item for item in previous}
    named = {identity(item) for item in wanted}
    applied = [_value(known.get(identity(item)), before.get(identity(item)), item, schema.item()) for item in wanted]
    return applied + [item for item in live if identity(item) not in named | before.keys()]
