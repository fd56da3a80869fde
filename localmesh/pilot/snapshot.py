"""A frozen view of everything that the proxies' configuration depends on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from localmesh.core.objects import Object
from localmesh.kinds.istio import DestinationRule, Gateway, VirtualService, read
from localmesh.kinds.istio.base import Spec
from localmesh.kinds.resources import DESTINATION_RULES, GATEWAYS, PODS, SERVICES, VIRTUAL_SERVICES
from localmesh.store.objects import Store

SpecT = TypeVar("SpecT", bound=Spec)


@dataclass(frozen=True, slots=True)
class Config(Generic[SpecT]):
    """An object of one of Istio's kinds."""

    namespace: str
    name: str
    spec: SpecT

    @property
    def qualified(self) -> str:
        """The form in which gateways are named: `namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """The form in which proxies name the origin of what they do; istioctl shows it."""
        kind = re.sub(r"\B[A-Z]", r"-\g<0>", type(self.spec).__name__).lower()
        return f"/apis/networking.istio.io/v1/namespaces/{self.namespace}/{kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was applied and what runs, the Istio kinds in the order in which they take precedence: oldest first."""

    services: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    gateways: Sequence[Config[Gateway]] = ()
    virtual_services: Sequence[Config[VirtualService]] = ()
    destination_rules: Sequence[Config[DestinationRule]] = ()

    @classmethod
    def of(cls, store: Store) -> "Snapshot":
        """Take the view of a store."""
        resources = (SERVICES, PODS, GATEWAYS, VIRTUAL_SERVICES, DESTINATION_RULES)
        return cls.of_objects(obj for resource in resources for obj in store.objects(resource))

    @classmethod
    def of_objects(cls, objects: Iterable[Object]) -> "Snapshot":
        """Take the view of admitted objects; kinds that no proxy depends on are left out."""
        found = sorted(objects, key=_precedence)
        return cls(
            services=[obj for obj in found if obj["kind"] == SERVICES.kind],
            pods=[obj for obj in found if obj["kind"] == PODS.kind],
            gateways=_configs(Gateway, found),
            virtual_services=_configs(VirtualService, found),
            destination_rules=_configs(DestinationRule, found),
        )


def _configs(model: type[SpecT], objects: Iterable[Object]) -> list[Config[SpecT]]:
    return [
        Config(obj["metadata"]["namespace"], obj["metadata"]["name"], read(model, obj))
        for obj in objects
        if obj["kind"] == model.__name__
    ]


def _precedence(obj: Object) -> tuple[str, str, str]:
    """Return istiod's order: by creation time in whole seconds, then name, then namespace."""
    metadata = obj["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["name"], metadata.get("namespace", "")
