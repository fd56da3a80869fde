"""The rules across fields of the built-in kinds, and of every object's metadata."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address

from localmesh.core.objects import Object, annotations_of, labels_of
from localmesh.kinds import syntax
from localmesh.kinds.kubernetes.pod_validation import (
    duplicates,
    invalid,
    validate_pod,
    validate_pod_update,
    validate_workload,
    validate_workload_update,
)
from localmesh.kinds.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, SERVICES, Resource
from localmesh.kinds.review import Problem

LOWEST_NODE_PORT = 1024
"""A cluster's range is 30000 to 32767; here it is whatever a user may open, so that meshes can run side by side."""

ANNOTATIONS_SIZE = 256 * 1024
"""Bytes of all annotations of one object."""

_NO_IPV4 = "must be a valid IPv4 address, such as 10.200.1.9: others are not supported by the local mesh"
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def validate(resource: Resource, obj: Object, current: Object | None = None) -> tuple[Problem, ...]:
    """Return what a Kubernetes API server would say against an object, or against its update from `current`.

    The object has passed its schema and carries its defaults.
    """
    problems = list(_metadata(resource, obj))
    if rules := _RULES.get(resource):
        problems.extend(rules(obj))
    if current is not None and (update_rules := _UPDATE_RULES.get(resource)):
        problems.extend(update_rules(obj, current))
    return tuple(problems)


def _metadata(resource: Resource, obj: Object) -> Iterator[Problem]:
    name = obj["metadata"].get("name")
    if not name:
        yield Problem("metadata.name", "Required value: name or generateName is required")
    elif fault := _NAME_RULES.get(resource, syntax.not_a_subdomain)(name):
        yield Problem("metadata.name", invalid(name, fault))
    yield from syntax.label_problems(labels_of(obj), "metadata.labels")
    yield from syntax.key_problems(annotations_of(obj), "metadata.annotations")
    if sum(len(key) + len(value) for key, value in annotations_of(obj).items()) > ANNOTATIONS_SIZE:
        yield Problem("metadata.annotations", f"Too long: may not be more than {ANNOTATIONS_SIZE} bytes")


def _service(obj: Object) -> Iterator[Problem]:
    spec = obj["spec"]
    ports = spec.get("ports", [])
    external = spec["type"] == "ExternalName"
    if not ports and not external and spec.get("clusterIP") != "None":
        yield Problem("spec.ports", "Required value")
    if external and not spec.get("externalName"):
        yield Problem("spec.externalName", "Required value")
    if spec.get("clusterIP") == "None" and spec["type"] in ("NodePort", "LoadBalancer"):
        rule = f"may not be set to 'None' for {spec['type']} services"
        yield Problem("spec.clusterIPs[0]", invalid("None", rule))
    if (address := spec.get("clusterIP")) not in (None, "", "None") and not _is_ipv4(address):
        yield Problem("spec.clusterIPs[0]", invalid(address, _NO_IPV4))
    for index, port in enumerate(ports):
        yield from _service_port(port, spec["type"], f"spec.ports[{index}]", named=len(ports) > 1)
    yield from duplicates(ports, "name", "spec.ports")
    yield from _duplicate_ports(ports)
    yield from syntax.label_problems(spec.get("selector", {}), "spec.selector")


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _service_port(port: Object, type_: str, field: str, *, named: bool) -> Iterator[Problem]:
    if named and not port.get("name"):
        yield Problem(f"{field}.name", "Required value")
    if port.get("name") and (fault := syntax.not_a_label(port["name"])):
        yield Problem(f"{field}.name", invalid(port["name"], fault))
    if fault := syntax.not_a_port(port["port"]):
        yield Problem(f"{field}.port", invalid(port["port"], fault))
    target = port["targetPort"]
    fault = syntax.not_a_port_name(target) if isinstance(target, str) else syntax.not_a_port(target)
    if fault:
        yield Problem(f"{field}.targetPort", invalid(target, fault))
    yield from _node_port(port.get("nodePort", 0), type_, f"{field}.nodePort")


def _node_port(number: int, type_: str, field: str) -> Iterator[Problem]:
    if not number:
        return
    if type_ not in ("NodePort", "LoadBalancer"):
        yield Problem(field, f"Forbidden: may not be used when `type` is '{type_}'")
    elif not LOWEST_NODE_PORT <= number <= syntax.HIGHEST_PORT:
        rule = f"must be between {LOWEST_NODE_PORT} and {syntax.HIGHEST_PORT}: a user may not open lower ones"
        yield Problem(field, invalid(number, rule))


def _duplicate_ports(ports: list[Object]) -> Iterator[Problem]:
    seen: Counter[tuple[int, str]] = Counter()
    for index, port in enumerate(ports):
        identity = (port["port"], port["protocol"])
        if seen[identity]:
            value = json.dumps({"port": identity[0], "protocol": identity[1]})
            yield Problem(f"spec.ports[{index}]", f"Duplicate value: {value}")
        seen[identity] += 1


def _service_update(obj: Object, current: Object) -> Iterator[Problem]:
    before, after = current["spec"].get("clusterIP"), obj["spec"].get("clusterIP")
    stays = "ExternalName" not in (current["spec"].get("type"), obj["spec"]["type"])
    if stays and before and after != before:
        yield Problem("spec.clusterIPs[0]", invalid([after], "may not change once set"))


def _config_map(obj: Object) -> Iterator[Problem]:
    for field in ("data", "binaryData"):
        for key in obj.get(field, {}):
            if not _CONFIG_KEY.fullmatch(key):
                rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                yield Problem(f"{field}[{key}]", invalid(key, rule))
    for key, value in obj.get("binaryData", {}).items():
        try:
            syntax.base64_bytes(value)
        except ValueError:
            yield Problem(f"binaryData[{key}]", invalid(value, "illegal base64 data"))


def _config_map_update(obj: Object, current: Object) -> Iterator[Problem]:
    if not current.get("immutable"):
        return
    for field in ("data", "binaryData", "immutable"):
        if obj.get(field) != current.get(field):
            yield Problem(field, "Forbidden: field is immutable when `immutable` is set")


_NAME_RULES: Mapping[Resource, Callable[[str], str | None]] = {
    NAMESPACES: syntax.not_a_label,
    SERVICES: syntax.not_a_service_name,
}
_RULES: Mapping[Resource, Callable[[Object], Iterator[Problem]]] = {
    CONFIG_MAPS: _config_map,
    DEPLOYMENTS: validate_workload,
    PODS: validate_pod,
    REPLICA_SETS: validate_workload,
    SERVICES: _service,
}
_UPDATE_RULES: Mapping[Resource, Callable[[Object, Object], Iterator[Problem]]] = {
    CONFIG_MAPS: _config_map_update,
    DEPLOYMENTS: validate_workload_update,
    PODS: validate_pod_update,
    REPLICA_SETS: validate_workload_update,
    SERVICES: _service_update,
}
