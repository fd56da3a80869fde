"""Objects of Istio's kinds, short to write."""

from typing import Any

from localmesh.core.objects import Object
from localmesh.kinds.istio import review
from localmesh.kinds.resources import Resource, resource_of
from localmesh.kinds.review import Review
from localmesh.kinds.schema.decode import decode

ROUTE = {"route": [{"destination": {"host": "catalog"}}]}


def gateway(**spec: Any) -> Object:
    return _object("Gateway", spec)


def virtual_service(*rules: Any, **spec: Any) -> Object:
    return _object("VirtualService", {"hosts": ["catalog"], "http": list(rules or (ROUTE,))} | spec)


def destination_rule(*subsets: Any, **spec: Any) -> Object:
    return _object("DestinationRule", {"host": "catalog", "subsets": list(subsets)} | spec)


def _object(kind: str, spec: Object) -> Object:
    metadata = {"name": "tried", "namespace": "istioinaction"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def judged(obj: Object) -> Review:
    """Return what admission makes of an object: its schema has the first word."""
    resource = resource_of(obj["apiVersion"], obj["kind"])
    assert isinstance(resource, Resource)
    decoded = decode(resource, obj)
    return Review(decoded.problems) if decoded.problems else review(resource, decoded.object)


def complaints(obj: Object) -> list[str]:
    """Return the reasons for refusing an object."""
    return [str(problem) for problem in judged(obj).problems]
