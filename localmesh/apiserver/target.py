"""What a path of the API is about: Kubernetes' `RequestInfo`."""

from msgspec import Struct

from localmesh.apiserver.absent import ABSENT_BY_PLURAL
from localmesh.apiserver.errors import no_such_resource
from localmesh.core.objects import Key
from localmesh.kinds.resources import BY_PLURAL, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, SERVICES, Resource
from localmesh.kinds.unserved import instead_of, why_nobody_serves

WITH_STATUS = frozenset({NAMESPACES, PODS, SERVICES, DEPLOYMENTS, REPLICA_SETS})
"""Built-in resources whose status is written apart from the rest; of custom resources all are."""

SCALED = frozenset({DEPLOYMENTS, REPLICA_SETS})


class Target(Struct, frozen=True):
    """One resource or one of its objects, as a request names it."""

    resource: Resource
    version: str
    namespace: str = ""
    """"" for all namespaces, and for what lives in none."""

    name: str = ""
    """"" for the whole collection."""

    subresource: str = ""

    @property
    def key(self) -> Key:
        """The object's key."""
        return Key(self.namespace, self.name)

    @property
    def api_version(self) -> str:
        """The version in which the object is to be answered."""
        return self.resource.api_version(self.version)


def subresources_of(resource: Resource) -> tuple[str, ...]:
    """Return the subresources that are read and written like objects."""
    status = ("status",) if resource.custom or resource in WITH_STATUS else ()
    return (*status, "scale") if resource in SCALED else status


def streams_of(resource: Resource) -> tuple[str, ...]:
    """Return the subresources that are connections."""
    return ("log", "exec", "attach", "portforward") if resource is PODS else ()


def parse(path: str) -> Target:
    """Return what a path below /api or /apis is about. Raises ApiError for a path nobody serves."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else "", parts[2:])
    version, *rest = rest or [""]
    namespace = ""
    # /namespaces/NAME and its status are the Namespace itself, anything longer is something in it.
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] != "status":  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "", "")[:3]
    resource = BY_PLURAL.get((group, plural)) or ABSENT_BY_PLURAL.get((group, plural))
    if resource is None or version not in resource.versions or "" in rest:
        raise no_such_resource(why_nobody_serves(group, plural))
    _check_scope(resource, namespace, name)
    if rest[2:] not in ([], *([known] for known in (*subresources_of(resource), *streams_of(resource)))):
        raise no_such_resource(": ".join(filter(None, (subresource, instead_of(subresource)))))
    return Target(resource, version, namespace, name, subresource)


def _check_scope(resource: Resource, namespace: str, name: str) -> None:
    if (name and resource.namespaced and not namespace) or (namespace and not resource.namespaced):
        raise no_such_resource()
