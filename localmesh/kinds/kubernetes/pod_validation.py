"""The rules across fields of Pods and of what makes them (`pkg/apis/core/validation`, `pkg/apis/apps/validation`).

Only rules that a writer of manifests can break; each refusal is worded as a real server words it. The documents have
passed their schema and carry their defaults.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds import syntax
from localmesh.kinds.review import Problem

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_FIELD_PATHS = ("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName")
_FIELD_PATHS_OF_STATUS = ("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs")
_MUTABLE_CONTAINER_FIELDS = frozenset({"image"})
_MUTABLE_POD_FIELDS = frozenset({"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"})


def invalid(value: Any, rule: str) -> str:
    """Return the message of a field whose value breaks a rule."""
    return f"Invalid value: {json.dumps(value)}: {rule}"


def duplicates(items: Iterable[Mapping[str, Any]], key: str, field: str) -> Iterator[Problem]:
    """Yield a problem for each item whose key an earlier item has."""
    seen = set()
    for index, item in enumerate(items):
        if key not in item:
            continue
        if item[key] in seen:
            yield Problem(f"{field}[{index}].{key}", f"Duplicate value: {json.dumps(item[key])}")
        seen.add(item[key])


def validate_pod(pod: Object) -> Iterator[Problem]:
    """Yield what is wrong with a Pod."""
    yield from _pod_spec(pod["spec"], "spec")


def validate_pod_update(pod: Object, current: Object) -> Iterator[Problem]:
    """Yield a problem when an update changes what is fixed once a Pod exists."""
    if _fixed(pod["spec"]) != _fixed(current["spec"]):
        yield Problem(
            "spec",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing"
            " tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously"
            " negative): delete the pod and create it anew",
        )


def _fixed(spec: Object) -> Object:
    kept = {name: value for name, value in spec.items() if name not in _MUTABLE_POD_FIELDS}
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [
                {key: value for key, value in container.items() if key not in _MUTABLE_CONTAINER_FIELDS}
                for container in kept[name]
            ]
    return kept


def validate_workload(obj: Object) -> Iterator[Problem]:
    """Yield what is wrong with a Deployment or a ReplicaSet."""
    spec = obj["spec"]
    if spec["replicas"] < 0:
        yield Problem("spec.replicas", invalid(spec["replicas"], "must be greater than or equal to 0"))
    yield from _strategy(spec.get("strategy", {}))
    template = spec.get("template")
    if template is None:
        yield Problem("spec.template", "Required value")
        return
    yield from _selector(spec["selector"], labels_of(template))
    yield from syntax.label_problems(labels_of(template), "spec.template.metadata.labels")
    if template["spec"]["restartPolicy"] != "Always":
        policy = template["spec"]["restartPolicy"]
        yield Problem("spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": supported values: "Always"')
    yield from _pod_spec(template["spec"], "spec.template.spec")


def validate_workload_update(obj: Object, current: Object) -> Iterator[Problem]:
    """Yield a problem when an update changes the selector of a Deployment or a ReplicaSet."""
    selector = obj["spec"].get("selector")
    if selector != current["spec"]["selector"]:
        yield Problem("spec.selector", invalid(selector, "field is immutable"))


def _selector(selector: Object, labels: Mapping[str, str]) -> Iterator[Problem]:
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield Problem("spec.selector", invalid(selector, "empty selector is invalid for deployment"))
    if not selects(selector.get("matchLabels", {}), labels):
        rule = "`selector` does not match template `labels`"
        yield Problem("spec.template.metadata.labels", invalid(dict(labels), rule))
    yield from syntax.label_problems(selector.get("matchLabels", {}), "spec.selector.matchLabels")


def _strategy(strategy: Object) -> Iterator[Problem]:
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        return
    if strategy["type"] == "Recreate":
        rule = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield Problem("spec.strategy.rollingUpdate", rule)
        return
    for name in ("maxUnavailable", "maxSurge"):
        yield from _share(rolling[name], f"spec.strategy.rollingUpdate.{name}")
    if all(str(rolling[name]).rstrip("%") == "0" for name in ("maxUnavailable", "maxSurge")):
        rule = invalid(rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
        yield Problem("spec.strategy.rollingUpdate.maxUnavailable", rule)


def _share(value: int | str, field: str) -> Iterator[Problem]:
    number = str(value).removesuffix("%")
    is_number = number.isascii() and number.isdecimal()
    if not is_number or (isinstance(value, str) and not value.endswith("%")):
        yield Problem(field, invalid(value, "must be a number of pods from 0 on, or a percentage such as '25%'"))


def _pod_spec(spec: Object, field: str) -> Iterator[Problem]:
    everyone = [("containers", spec.get("containers", [])), ("initContainers", spec.get("initContainers", []))]
    if not spec.get("containers"):
        yield Problem(f"{field}.containers", "Required value")
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    for list_name, containers in everyone:
        for index, container in enumerate(containers):
            yield from _container(container, volumes, f"{field}.{list_name}[{index}]")
        yield from duplicates(containers, "name", f"{field}.{list_name}")
    yield from duplicates(spec.get("volumes", []), "name", f"{field}.volumes")
    if spec["terminationGracePeriodSeconds"] < 0:
        rule = invalid(spec["terminationGracePeriodSeconds"], "must be greater than or equal to 0")
        yield Problem(f"{field}.terminationGracePeriodSeconds", rule)


def _container(container: Object, volumes: set[str], field: str) -> Iterator[Problem]:
    if fault := syntax.not_a_label(container["name"]):
        yield Problem(f"{field}.name", invalid(container["name"], fault))
    if not container.get("image"):
        yield Problem(f"{field}.image", "Required value")
    yield from _ports(container.get("ports", []), f"{field}.ports")
    yield from _environment(container.get("env", []), f"{field}.env")
    for index, mount in enumerate(container.get("volumeMounts", [])):
        if mount["name"] not in volumes:
            yield Problem(f"{field}.volumeMounts[{index}].name", f'Not found: "{mount["name"]}"')
    yield from duplicates(container.get("volumeMounts", []), "mountPath", f"{field}.volumeMounts")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            yield from _probe(container[name], f"{field}.{name}", ready=name == "readinessProbe")


def _ports(ports: list[Object], field: str) -> Iterator[Problem]:
    for index, port in enumerate(ports):
        place = f"{field}[{index}]"
        if fault := syntax.not_a_port(port["containerPort"]):
            yield Problem(f"{place}.containerPort", invalid(port["containerPort"], fault))
        if "name" in port and (fault := syntax.not_a_port_name(port["name"])):
            yield Problem(f"{place}.name", invalid(port["name"], fault))
    yield from duplicates(ports, "name", field)


def _environment(variables: list[Object], field: str) -> Iterator[Problem]:
    for index, variable in enumerate(variables):
        place = f"{field}[{index}]"
        if fault := syntax.not_a_variable(variable["name"]):
            yield Problem(f"{place}.name", invalid(variable["name"], fault))
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            yield Problem(f"{place}.valueFrom", 'Invalid value: "": may not be specified when `value` is not empty')
        if len(source) != 1:
            yield Problem(f"{place}.valueFrom", 'Invalid value: "": must specify one of the sources, and only one')
        if "fieldRef" in source:
            yield from _field_path(source["fieldRef"]["fieldPath"], f"{place}.valueFrom.fieldRef.fieldPath")


def _field_path(path: str, field: str) -> Iterator[Problem]:
    supported = (*_FIELD_PATHS, *_FIELD_PATHS_OF_STATUS)
    if path not in supported and not path.startswith(("metadata.labels['", "metadata.annotations['")):
        names = ", ".join(f'"{name}"' for name in supported)
        yield Problem(field, f'Unsupported value: "{path}": supported values: {names}')


def _probe(probe: Object, field: str, *, ready: bool) -> Iterator[Problem]:
    handlers = [name for name in _HANDLERS if name in probe]
    if not handlers:
        yield Problem(field, "Required value: must specify a handler type")
    for name in handlers[1:]:
        yield Problem(f"{field}.{name}", "Forbidden: may not specify more than 1 handler type")
    if not ready and probe["successThreshold"] != 1:
        yield Problem(f"{field}.successThreshold", invalid(probe["successThreshold"], "must be 1"))
    for name in ("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        if probe[name] < 1:
            yield Problem(f"{field}.{name}", invalid(probe[name], "must be greater than or equal to 1"))
