"""Of which objects a resource was made that Envoy refuses: their names stand in its metadata, as istiod writes them."""

from collections.abc import Iterator
from typing import Any

from localmesh.envoy.push import Refusal
from localmesh.envoy.resources import Encoded, ResourceType
from localmesh.envoy.wire import decode


def origins(refusal: Refusal) -> frozenset[str]:
    """Return the paths of the objects that Envoy may not like, such as /apis/…/virtual-service/catalog.

    Of a route configuration only the virtual hosts count that are not as Envoy took them before.
    """
    refused: Any = decode(refusal.type, refusal.resource)
    if refusal.type is ResourceType.ROUTE:
        known = _virtual_hosts(refusal.instead)
        refused = [host for host in refused.get("virtual_hosts", ()) if host not in known]
    return frozenset(_paths(refused))


def _virtual_hosts(routes: Encoded | None) -> list[Any]:
    return decode(ResourceType.ROUTE, routes).get("virtual_hosts", []) if routes else []


def _paths(node: Any) -> Iterator[str]:
    """Yield each `config` in what is Istio's of some metadata."""
    if isinstance(node, list):
        for item in node:
            yield from _paths(item)
    elif isinstance(node, dict):
        path = node.get("filter_metadata", {}).get("istio", {}).get("config")
        if path is not None:
            yield path
        yield from _paths(list(node.values()))
