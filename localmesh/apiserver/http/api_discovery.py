"""What the door serves: the version, and discovery in both forms."""

from collections.abc import Iterator

from localmesh.apiserver.absent import ABSENT
from localmesh.apiserver.target import SCALED, streams_of, subresources_of
from localmesh.core.objects import Object
from localmesh.kinds.resources import RESOURCES, Resource

VERSION = "v1.36.4"
"""The newest Kubernetes that Istio 1.31 supports; kubectl warns of more than one minor version's difference."""

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
_STREAM_VERBS = {
    "log": ["get"],
    "attach": ["create", "get"],
    "exec": ["create", "get"],
    "portforward": ["create", "get"],
}


def version() -> Object:
    """Return the answer to /version."""
    major, minor, _ = VERSION.removeprefix("v").split(".")
    return {"major": major, "minor": minor, "gitVersion": VERSION, "platform": "localmesh"}


def groups() -> list[str]:
    """Return the API groups, without the core group, in the order of the resources."""
    return [group for group in dict.fromkeys(resource.group for resource in (*RESOURCES, *ABSENT)) if group]


def versions_of(group: str) -> list[str]:
    """Return a group's versions, the preferred one first."""
    return list(dict.fromkeys(version for resource in resources_of(group) for version in resource.versions))


def aggregated(names: list[str]) -> Object:
    """Return the aggregated discovery of some groups ("" is the core group)."""
    items = [
        {"metadata": {"name": name}, "versions": [_aggregated_version(name, known) for known in versions_of(name)]}
        for name in names
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_version(group: str, version_: str) -> Object:
    resources = [
        {
            "resource": resource.plural,
            "responseKind": {"group": group, "version": version_, "kind": resource.kind},
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.singular,
            "verbs": _verbs(resource),
            "shortNames": list(resource.short_names),
            "categories": list(resource.categories),
            "subresources": [
                {"subresource": name, "responseKind": kind, "verbs": verbs}
                for name, kind, verbs in _subresources(resource, version_)
            ],
        }
        for resource in resources_of(group, version_)
    ]
    return {"version": version_, "freshness": "Current", "resources": resources}


def _verbs(resource: Resource) -> list[str]:
    if resource in ABSENT:
        return ["get", "list", "watch"]
    return [*VERBS, "deletecollection"] if resource.namespaced else list(VERBS)


def _subresources(resource: Resource, version_: str) -> Iterator[tuple[str, Object, list[str]]]:
    if resource in ABSENT:
        return
    own = {"group": resource.group, "version": version_, "kind": resource.kind}
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    for name in subresources_of(resource):
        yield name, scale if name == "scale" and resource in SCALED else own, ["get", "patch", "update"]
    for name in streams_of(resource):
        yield name, own, _STREAM_VERBS[name]


def api_versions() -> Object:
    """Return the legacy answer to /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups() -> Object:
    """Return the legacy answer to /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [api_group(name) for name in groups()]}


def api_group(name: str) -> Object:
    """Return the legacy answer to /apis/GROUP."""
    known = [{"groupVersion": f"{name}/{version_}", "version": version_} for version_ in versions_of(name)]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": known, "preferredVersion": known[0]}


def api_resources(group: str, version_: str) -> Object:
    """Return the legacy answer to /api/v1 and /apis/GROUP/VERSION."""
    rows: list[Object] = []
    for resource in resources_of(group, version_):
        common = {"namespaced": resource.namespaced, "singularName": resource.singular}
        row = {"name": resource.plural, **common, "kind": resource.kind, "verbs": _verbs(resource)}
        rows.append(row | _names(resource))
        rows.extend(
            {"name": f"{resource.plural}/{name}", **common, **kind, "verbs": verbs}
            for name, kind, verbs in _subresources(resource, version_)
        )
    group_version = f"{group}/{version_}" if group else version_
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def _names(resource: Resource) -> Object:
    names = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {name: values for name, values in names.items() if values}


def resources_of(group: str, version_: str = "") -> list[Resource]:
    """Return a group's resources, or those of one version."""
    return [
        resource
        for resource in (*RESOURCES, *ABSENT)
        if resource.group == group and (not version_ or version_ in resource.versions)
    ]
