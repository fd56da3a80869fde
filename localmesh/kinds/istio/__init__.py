"""Istio's networking kinds: what of Gateway, VirtualService and DestinationRule the local mesh takes.

A further field needs three things: a line in its model here, its translation in `pilot`, and a test of both. Whatever a
model does not name is refused, with the list of what it does name.
"""

from collections.abc import Callable, Mapping

from localmesh.core.objects import Object
from localmesh.kinds.istio.base import InvalidSpecError, read
from localmesh.kinds.istio.destination_rule import DestinationRule, destination_rule_problems
from localmesh.kinds.istio.gateway import Gateway, gateway_name_problems, gateway_problems, gateway_warnings
from localmesh.kinds.istio.virtual_service import VirtualService
from localmesh.kinds.istio.virtual_service_rules import virtual_service_problems, virtual_service_warnings
from localmesh.kinds.review import Review

__all__ = ["DestinationRule", "Gateway", "VirtualService", "read", "review"]


def review(obj: Object) -> Review:
    """Judge one object of these kinds: what the local mesh does not take, then what istiod's webhook refuses."""
    try:
        return _REVIEWS[obj["kind"]](obj)
    except InvalidSpecError as error:
        return Review(error.problems)


def _gateway(obj: Object) -> Review:
    spec = read(Gateway, obj)
    problems = (*gateway_name_problems(obj["metadata"]["name"]), *gateway_problems(spec))
    return Review(problems, tuple(gateway_warnings(spec)))


def _virtual_service(obj: Object) -> Review:
    spec = read(VirtualService, obj)
    return Review(tuple(virtual_service_problems(spec)), tuple(virtual_service_warnings(spec)))


def _destination_rule(obj: Object) -> Review:
    return Review(tuple(destination_rule_problems(read(DestinationRule, obj))))


_REVIEWS: Mapping[str, Callable[[Object], Review]] = {
    "Gateway": _gateway,
    "VirtualService": _virtual_service,
    "DestinationRule": _destination_rule,
}
