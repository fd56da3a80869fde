"""Istio's kinds: what of them the local mesh takes.

`types/` has their messages, generated from their schemas; `rules/` what istiod's webhook says of each kind, in its
words; `honoured.py` which fields the local mesh honours. A further kind is a line here and one in `kinds.resources`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.istio.honoured import refusals
from localmesh.kinds.istio.rules.annotations import annotation_problems
from localmesh.kinds.istio.rules.authorization_policy import review_authorization_policy
from localmesh.kinds.istio.rules.destination_rule import review_destination_rule
from localmesh.kinds.istio.rules.gateway import review_gateway
from localmesh.kinds.istio.rules.peer_authentication import review_peer_authentication
from localmesh.kinds.istio.rules.request_authentication import review_request_authentication
from localmesh.kinds.istio.rules.telemetry import review_telemetry
from localmesh.kinds.istio.rules.virtual_service import review_virtual_service
from localmesh.kinds.istio.types.authorization_policy import AuthorizationPolicy
from localmesh.kinds.istio.types.destination_rule import DestinationRule
from localmesh.kinds.istio.types.gateway import Gateway
from localmesh.kinds.istio.types.peer_authentication import PeerAuthentication
from localmesh.kinds.istio.types.request_authentication import RequestAuthentication
from localmesh.kinds.istio.types.telemetry import Telemetry
from localmesh.kinds.istio.types.virtual_service import VirtualService
from localmesh.kinds.marks import configuration_marks
from localmesh.kinds.messages import InvalidSpecError, read
from localmesh.kinds.resources import (
    AUTHORIZATION_POLICIES,
    DESTINATION_RULES,
    GATEWAYS,
    PEER_AUTHENTICATIONS,
    REQUEST_AUTHENTICATIONS,
    TELEMETRIES,
    VIRTUAL_SERVICES,
    Resource,
)
from localmesh.kinds.review import Review

__all__ = [
    "SPECS",
    "AuthorizationPolicy",
    "DestinationRule",
    "Gateway",
    "InvalidSpecError",
    "PeerAuthentication",
    "RequestAuthentication",
    "Telemetry",
    "VirtualService",
    "annotation_problems",
    "read",
    "refusals",
    "review",
    "webhook_review",
]

SPECS: Mapping[Resource, type[Any]] = {
    DESTINATION_RULES: DestinationRule,
    GATEWAYS: Gateway,
    VIRTUAL_SERVICES: VirtualService,
    AUTHORIZATION_POLICIES: AuthorizationPolicy,
    REQUEST_AUTHENTICATIONS: RequestAuthentication,
    TELEMETRIES: Telemetry,
    PEER_AUTHENTICATIONS: PeerAuthentication,
}
"""The kinds that are served, and the types of their specs."""

_REVIEWS: Mapping[Resource, Callable[[Key, Any], Review]] = {
    DESTINATION_RULES: review_destination_rule,
    GATEWAYS: review_gateway,
    VIRTUAL_SERVICES: review_virtual_service,
    AUTHORIZATION_POLICIES: review_authorization_policy,
    REQUEST_AUTHENTICATIONS: review_request_authentication,
    TELEMETRIES: review_telemetry,
    PEER_AUTHENTICATIONS: review_peer_authentication,
}
"""What istiod's webhook says of each kind, by the object's key and its spec."""


def review(resource: Resource, obj: Object) -> Review:
    """Judge one object: what the local mesh does not take, then what istiod's webhook refuses."""
    refused = (*annotation_problems(resource, obj), *refusals(resource, obj))
    marks = Review(warnings=tuple(configuration_marks(obj)))
    return Review(refused) if refused else webhook_review(resource, obj) + marks


def webhook_review(resource: Resource, obj: Object) -> Review:
    """Judge one object as istiod's webhook does, whether the local mesh takes all of its fields or not."""
    try:
        spec: Any = read(SPECS[resource], obj)
    except InvalidSpecError as error:
        return Review(error.problems)
    return _REVIEWS[resource](key_of(obj), spec)
