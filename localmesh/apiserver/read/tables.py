"""Tables: how `kubectl get` asks for objects that it only prints."""

from collections.abc import Iterable

from localmesh.apiserver.read.columns import columns_of
from localmesh.core.objects import Object
from localmesh.kinds.resources import Resource


def table(
    resource: Resource,
    objects: Iterable[Object],
    revision: str,
    *,
    include: str = "Metadata",
    headed: bool = True,
) -> Object:
    """Return a Table; a watch sends its columns with the first event only (`headed`).

    `include` is the query's `includeObject`: with `Object` a row carries all of the object, else its metadata.
    """
    columns = columns_of(resource)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": revision},
        "columnDefinitions": [column.to_object() for column in columns] if headed else [],
        "rows": [
            {"cells": [column.cell(obj) for column in columns], "object": _row_object(obj, include)} for obj in objects
        ],
    }


def _row_object(obj: Object, include: str) -> Object:
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
