"""Write `localmesh/kinds/schema/schema.json`: what the local mesh knows of the fields of the kinds it serves.

    .venv/bin/python tools/make_schemas.py CRDS.yaml

CRDS.yaml is Istio's `crd-all.gen.yaml` (in the chart `base`). Kubernetes' own definitions come from the PyPI package
kubernetes-validate, which is 108 MB and therefore a dependency of this script alone. Descriptions are left out; so is
what neither strict decoding nor patches read. The file in the tree was made from Kubernetes 1.36.0 and Istio 1.31.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from localmesh.kinds.resources import RESOURCES, Resource
from localmesh.kinds.schema.cel import RULES

KUBERNETES = "1.36.0"
TARGET = Path(__file__).resolve().parent.parent / "localmesh/kinds/schema/schema.json"

Node = Mapping[str, Any]

KEPT = (
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "required",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-preserve-unknown-fields",
)
"""Keywords that are copied as they are."""

ISTIO = {
    "networking.istio.io/DestinationRule",
    "networking.istio.io/Gateway",
    "networking.istio.io/ServiceEntry",
    "networking.istio.io/Sidecar",
    "networking.istio.io/VirtualService",
    "networking.istio.io/WorkloadEntry",
    "security.istio.io/AuthorizationPolicy",
    "security.istio.io/PeerAuthentication",
    "security.istio.io/RequestAuthentication",
    "telemetry.istio.io/Telemetry",
}
"""Istio's kinds that are known, whether they are served or not."""

COLUMN = ("name", "type", "jsonPath")
"""What is kept of an `additionalPrinterColumns`."""

SCALARS: Mapping[str, Node] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"format": "quantity"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"format": "int-or-string"},
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": {"type": "string", "format": "date-time"},
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": {"type": "string", "format": "date-time"},
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"x-kubernetes-preserve-unknown-fields": True},
}
"""Definitions that are one value to whoever writes them."""

PULL = ["Always", "IfNotPresent", "Never"]
PROTOCOLS = ["SCTP", "TCP", "UDP"]
ENUMS: Mapping[str, Mapping[str, list[str]]] = {
    "core.v1.Container": {"imagePullPolicy": PULL},
    "core.v1.ContainerPort": {"protocol": PROTOCOLS},
    "core.v1.PodSpec": {
        "dnsPolicy": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        "restartPolicy": ["Always", "Never", "OnFailure"],
    },
    "core.v1.ServicePort": {"protocol": PROTOCOLS},
    "core.v1.ServiceSpec": {
        "externalTrafficPolicy": ["Cluster", "Local"],
        "internalTrafficPolicy": ["Cluster", "Local"],
        "sessionAffinity": ["ClientIP", "None"],
        "type": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    },
    "apps.v1.DeploymentStrategy": {"type": ["Recreate", "RollingUpdate"]},
}
"""Kubernetes' definitions name their enumerations in prose only (the sources' `+enum` types)."""


def short(name: str) -> str:
    """Return `core.v1.Pod` for `io.k8s.api.core.v1.Pod` or a reference to it."""
    name = name.rsplit("/", 1)[-1]
    return name.removeprefix("io.k8s.api.").removeprefix("io.k8s.apimachinery.pkg.apis.")


def compact(node: Node) -> dict[str, Any]:
    """Return a schema with only what the local mesh reads."""
    kept = {name: node[name] for name in KEPT if name in node} | typed(node)
    if "$ref" in node:
        full = node["$ref"].rsplit("/", 1)[-1]
        kept |= SCALARS.get(full) or {"$ref": short(full)}
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), Mapping):
            kept[name] = compact(node[name])
    if "properties" in node:
        kept["properties"] = {name: compact(child) for name, child in sorted(node["properties"].items())}
    return kept


def typed(node: Node) -> dict[str, Any]:
    """Return what is said of a value's own type; null counts as absent everywhere, so it is no type."""
    keywords: dict[str, Any] = {}
    types = node.get("type", [])
    names = [name for name in ([types] if isinstance(types, str) else types) if name != "null"]
    if node.get("x-kubernetes-int-or-string"):
        keywords["format"] = "int-or-string"
    elif names:
        keywords["type"] = names[0]
    if rules := [[rule["rule"], rule["message"]] for rule in node.get("x-kubernetes-validations", [])]:
        keywords["cel"] = rules
    if alternatives := list(exclusive(node)):
        keywords["atMostOne"] = alternatives
    return keywords


def exclusive(node: Node) -> Iterator[list[str]]:
    """Yield the groups of fields of which Istio's `oneOf` lets at most one be set."""
    for part in (node, *node.get("allOf", [])):
        names = [name for choice in part.get("oneOf", []) for name in choice.get("required", [])]
        if names:
            yield names


def references(node: Any) -> Iterator[str]:
    """Yield the names of the definitions that a schema points to."""
    if isinstance(node, Mapping):
        for name, child in node.items():
            if name == "$ref":
                yield child
            else:
                yield from references(child)


def roots_of(definitions: Node) -> dict[str, str]:
    """Return the definition of each built-in resource's kind, by `group/Kind`."""
    names = {}
    for name, node in definitions.items():
        for gvk in node.get("x-kubernetes-group-version-kind", []):
            if any(serves(resource, gvk) for resource in RESOURCES):
                names[f"{gvk['group']}/{gvk['kind']}"] = name
    return names


def serves(resource: Resource, gvk: Mapping[str, str]) -> bool:
    """Tell whether a definition is a resource's."""
    return (
        not resource.custom
        and (resource.group, resource.kind) == (gvk["group"], gvk["kind"])
        and gvk["version"] in resource.versions
    )


def reachable(definitions: Mapping[str, Node], roots: list[str]) -> dict[str, Any]:
    """Return the compact definitions that the roots need."""
    reached: dict[str, Any] = {}
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached[name] = compact(definitions[name])
            for field, values in ENUMS.get(name, {}).items():
                reached[name]["properties"][field]["enum"] = values
            todo.extend(references(reached[name]))
    return reached


def istio(path: Path) -> dict[str, Any]:
    """Return the schema of each Istio kind; its versions must not differ."""
    schemas = {}
    for crd in filter(None, yaml.safe_load_all(path.read_text())):
        name = f"{crd['spec']['group']}/{crd['spec']['names']['kind']}"
        if name in ISTIO:
            schemas[name] = custom(crd, path)
    if missing := sorted(ISTIO - schemas.keys()):
        raise SystemExit(f"{path}: no CustomResourceDefinition for {missing}: is it Istio's crd-all.gen.yaml?")
    if unknown := sorted(set(rule_texts(schemas)) - RULES.keys()):
        raise SystemExit(f"{path}: localmesh/kinds/schema/cel.py does not know these rules: {unknown}")
    return schemas


def custom(crd: Node, path: Path) -> dict[str, Any]:
    """Return the schema of a CustomResourceDefinition, with the columns of its table."""
    versions = crd["spec"]["versions"]
    schemas = [version["schema"]["openAPIV3Schema"] for version in versions]
    if any(schema != schemas[0] for schema in schemas):
        kind = crd["spec"]["names"]["kind"]
        raise SystemExit(f"{path}: the versions of {kind} differ, and one schema cannot serve them all")
    root = compact(schemas[0])
    root["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": "meta.v1.ObjectMeta"},
    }
    columns = [{name: column[name] for name in COLUMN} for column in versions[0].get("additionalPrinterColumns", [])]
    return root | ({"columns": columns} if columns else {})


def rule_texts(node: Any) -> Iterator[str]:
    """Yield the texts of the rules in compact schemas."""
    if isinstance(node, Mapping):
        yield from (rule for rule, _ in node.get("cel", []))
        yield from (text for child in node.values() for text in rule_texts(child))


def render(definitions: Mapping[str, Any]) -> str:
    """Return the file's text, one definition a line, so that a newer Kubernetes shows as a readable difference."""
    lines = [
        f"{json.dumps(name)}:{json.dumps(definitions[name], separators=(',', ':'))}" for name in sorted(definitions)
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def built_in() -> dict[str, Any]:
    """Return the schemas of the built-in kinds, and of all that they are made of."""
    source = files("kubernetes_validate") / f"kubernetes-json-schema/v{KUBERNETES}-local/_definitions.json"
    kubernetes = {short(name): node for name, node in json.loads(source.read_text())["$defs"].items()}
    roots = roots_of(kubernetes)
    return reachable(kubernetes, list(roots.values())) | {root: {"$ref": name} for root, name in roots.items()}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crds", type=Path, metavar="CRDS.yaml", help="Istio's CustomResourceDefinitions")
    definitions = built_in() | istio(parser.parse_args().crds)
    TARGET.write_text(render(definitions))
    print(f"{TARGET}: {len(definitions)} definitions, {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
