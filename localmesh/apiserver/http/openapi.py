"""OpenAPI: what kubectl needs to trust the server's own validation, and the fields that `kubectl explain` shows."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localmesh.apiserver.absent import ABSENT
from localmesh.apiserver.http.api_discovery import VERSION, groups, resources_of, versions_of
from localmesh.core.objects import Object
from localmesh.kinds.istio import honoured
from localmesh.kinds.resources import Resource
from localmesh.kinds.schema import definitions
from localmesh.kinds.schema.definitions import Schema

V2 = b"\n\x032.0"
"""An empty OpenAPI v2 document as protobuf: kubectl then finds out by itself that a kind is unknown."""

V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_SCHEMAS = "#/components/schemas/"
_DROPPED = ("$ref", "items", "properties", "additionalProperties", "cel", "atMostOne", "columns")
"""Keywords that are written in another way, and those that are not OpenAPI's."""

_DOCS = "https://istio.io/latest/docs/reference/config"
_PAGES = {
    "DestinationRule": "networking/destination-rule",
    "Gateway": "networking/gateway",
    "VirtualService": "networking/virtual-service",
    "AuthorizationPolicy": "security/authorization-policy",
    "RequestAuthentication": "security/request_authentication",
}
"""Where Istio describes a kind's fields."""


def index() -> Object:
    """Return the answer to /openapi/v3: each document's address carries a hash of what the document is made of."""
    digest = _digest()
    paths = [_path(group, version) for group in ("", *groups()) for version in versions_of(group)]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"} for path in paths}}


@cache
def _digest() -> str:
    """Return a hash that differs where the documents may."""
    sources = (Path(__file__), Path(honoured.__file__), Path(definitions.__file__).with_name("schema.json"))
    content = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(content + repr((VERSION, resources_of(""), groups())).encode()).hexdigest()[:16]


def document(group: str, version: str) -> Object:
    """Return one group version's OpenAPI document.

    It says that the server validates fields itself, and offers no strategic merge patch: kubectl makes these from its
    own types.
    """
    resources = resources_of(group, version)
    schemas: dict[str, Any] = {}
    for resource in resources:
        if resource not in ABSENT:
            schemas |= {_name(resource, version): _root(resource, version)}
            schemas |= _needed(schemas[_name(resource, version)], schemas)
    return {
        "openapi": "3.0.0",
        "info": {"title": "localmesh", "version": VERSION},
        "paths": {_address(resource, version): _operations(resource, version) for resource in resources},
        "components": {"schemas": schemas},
    }


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _address(resource: Resource, version: str) -> str:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_path(resource.group, version)}{scope}/{resource.plural}/{{name}}"


def _operations(resource: Resource, version: str) -> Object:
    patch = {
        "x-kubernetes-group-version-kind": _kind(resource, version),
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "OK"}},
    }
    return {"patch": patch}


def _kind(resource: Resource, version: str) -> Object:
    return {"group": resource.group, "version": version, "kind": resource.kind}


def _name(resource: Resource, version: str) -> str:
    reversed_group = ".".join(reversed((resource.group or "core").split(".")))
    return f"{reversed_group}.{version}.{resource.kind}"


def _root(resource: Resource, version: str) -> Object:
    """Return a kind's own schema."""
    schema = dict(_written(Schema.of(resource).keywords, _Fields(resource) if resource.custom else None))
    schema["x-kubernetes-group-version-kind"] = [_kind(resource, version)]
    if page := _PAGES.get(resource.kind) if resource.custom else None:
        schema["description"] = "What the local mesh does not honour of it is refused by name, and said so here."
        schema["externalDocs"] = {"description": "What each field means:", "url": f"{_DOCS}/{page}/"}
    return schema


def _needed(node: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that a written schema refers to and that are not known yet, and what they need."""
    schemas: dict[str, Any] = {}
    for name in _references(node):
        if name not in known and name not in schemas:
            schemas[name] = _written(Schema({"$ref": name}).resolved().keywords, None)
            schemas |= _needed(schemas[name], {**known, **schemas})
    return schemas


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_SCHEMAS)
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


class _Fields:
    """Where in an Istio kind a schema lies, and what the local mesh makes of it."""

    def __init__(self, resource: Resource, path: str | None = None) -> None:
        self._resource = resource
        self._path = path
        """In the table of what is honoured; None outside of the kind's `spec`."""

    def field(self, name: str) -> "_Fields":
        """Return the place of a field."""
        if self._path is None:
            return _Fields(self._resource, "" if name == "spec" else None)
        return _Fields(self._resource, f"{self._path}.{name}".lstrip("."))

    def part(self, sign: str) -> "_Fields":
        """Return the place of a list's items or a map's values."""
        return _Fields(self._resource, None if self._path is None else self._path + sign)

    @property
    def remark(self) -> str:
        """Say whether the local mesh refuses the field, "" where there is nothing to say."""
        if not self._path:
            return ""
        if not honoured.is_honoured(self._resource, self._path):
            return "The local mesh does not honour this field, and refuses it."
        values = honoured.VALUES.get(self._resource, {}).get(self._path, ())
        return f"The local mesh honours: {', '.join(values)}." if values else ""


def _written(keywords: Mapping[str, Any], place: _Fields | None) -> Object:
    """Return a compact schema as OpenAPI has it."""
    written = {name: value for name, value in keywords.items() if name not in _DROPPED}
    if written.get("format") in ("quantity", "int-or-string"):
        written |= {"type": "string"}
    if "$ref" in keywords:
        written["allOf"] = [{"$ref": f"{_SCHEMAS}{keywords['$ref']}"}]
    if "items" in keywords:
        written["items"] = _written(keywords["items"], place and place.part("[]"))
    if "additionalProperties" in keywords:
        written["additionalProperties"] = _written(keywords["additionalProperties"], place and place.part("{}"))
    if "properties" in keywords:
        written["properties"] = {
            name: _field(child, place and place.field(name)) for name, child in keywords["properties"].items()
        }
    return written


def _field(keywords: Mapping[str, Any], place: _Fields | None) -> Object:
    written = _written(keywords, place)
    remark = place.remark if place else ""
    return written | ({"description": remark} if remark else {})
