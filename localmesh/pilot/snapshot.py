"""A frozen view of everything that the proxies' configuration depends on."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

from localmesh.core.objects import Key, Object, annotations_of, key_of
from localmesh.kinds.istio import SPECS, InvalidSpecError, read
from localmesh.kinds.resources import NAMESPACES, PODS, SERVICES, Resource, resource_of
from localmesh.pilot.findings import Finding
from localmesh.store.objects import Store

SpecT = TypeVar("SpecT")


class Config(Struct, Generic[SpecT], frozen=True):
    """An object of one of Istio's kinds."""

    resource: Resource
    key: Key
    spec: SpecT
    path: str
    """The form in which proxies name the origin of what they do; istioctl shows it."""

    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return self.key.namespace

    @property
    def name(self) -> str:
        """The object's name."""
        return self.key.name


class Snapshot(Struct, frozen=True):
    """What was applied and what runs, each kind in the order of precedence: oldest first."""

    services: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    namespaces: Sequence[str] = ()
    namespace_annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    by_type: Mapping[type, Sequence[Config[Any]]] = field(default_factory=dict)
    """The objects of Istio's kinds, by the type of their specs."""

    findings: Sequence[Finding] = ()
    """Of objects that could not be read, and are left out."""

    @classmethod
    def of_objects(cls, objects: Iterable[Object]) -> "Snapshot":
        """Take the view of admitted objects; kinds that no proxy depends on are left out."""
        return SnapshotReader().read(objects)

    def configs(self, type_: type[SpecT]) -> Sequence[Config[SpecT]]:
        """Return the objects of one of Istio's kinds, by the type of its spec."""
        return self.by_type.get(type_, ())


class SnapshotReader:
    """Takes snapshots, one after the other, and reads a spec once for each state of its object."""

    def __init__(self) -> None:
        self._known: dict[tuple[Resource, Key], tuple[Object, Config[Any] | Finding]] = {}
        """Each object as it was when it was last read, and what was made of it."""

    def of(self, store: Store) -> Snapshot:
        """Take the view of a store."""
        return self.read(obj for resource in (SERVICES, PODS, NAMESPACES, *SPECS) for obj in store.objects(resource))

    def read(self, objects: Iterable[Object]) -> Snapshot:
        """Take the view of admitted objects, which nobody changes any more."""
        by_resource: dict[Resource | None, list[Object]] = {}
        for obj in sorted(objects, key=_precedence):
            by_resource.setdefault(resource_of(obj["apiVersion"], obj["kind"]), []).append(obj)
        before, self._known = self._known, {}
        for resource in SPECS:
            for obj in by_resource.get(resource, ()):
                self._known[resource, key_of(obj)] = _read_again(resource, obj, before)
        results = [result for _, result in self._known.values()]
        return Snapshot(
            services=by_resource.get(SERVICES, []),
            pods=by_resource.get(PODS, []),
            namespaces=[namespace["metadata"]["name"] for namespace in by_resource.get(NAMESPACES, ())],
            namespace_annotations={
                namespace["metadata"]["name"]: annotations_of(namespace)
                for namespace in by_resource.get(NAMESPACES, ())
            },
            by_type=_by_type(result for result in results if isinstance(result, Config)),
            findings=[result for result in results if isinstance(result, Finding)],
        )


def _read_again(
    resource: Resource, obj: Object, before: Mapping[tuple[Resource, Key], tuple[Object, Config[Any] | Finding]]
) -> tuple[Object, Config[Any] | Finding]:
    known = before.get((resource, key_of(obj)))
    return known if known is not None and known[0] is obj else (obj, _config(resource, obj))


def _config(resource: Resource, obj: Object) -> Config[Any] | Finding:
    key = key_of(obj)
    try:
        return Config(resource, key, read(SPECS[resource], obj), _path(resource, key), annotations_of(obj))
    except InvalidSpecError as error:
        problem = error.problems[0]
        return Finding(resource, key, problem.field, problem.message)


def _path(resource: Resource, key: Key) -> str:
    kind = re.sub(r"\B[A-Z]", r"-\g<0>", resource.kind).lower()
    return f"/apis/{resource.group}/v1/namespaces/{key.namespace}/{kind}/{key.name}"


def origin(path: str) -> tuple[Resource, Key] | None:
    """Return the object that a path names, as in Config.path; None for one of a kind that no proxy depends on."""
    *_, namespace, _, name = path.split("/")
    key = Key(namespace, name)
    return next(((resource, key) for resource in SPECS if _path(resource, key) == path), None)


def _by_type(configs: Iterable[Config[Any]]) -> Mapping[type, Sequence[Config[Any]]]:
    by_type: dict[type, list[Config[Any]]] = {}
    for config in configs:
        by_type.setdefault(type(config.spec), []).append(config)
    return by_type


def _precedence(obj: Object) -> tuple[str, str, str]:
    """Return istiod's order: by creation time in whole seconds, then name, then namespace."""
    metadata = obj["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["name"], metadata.get("namespace", "")
