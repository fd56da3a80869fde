"""What an API server does to a document before it judges it: Kubernetes' `PrepareForCreate` and `PrepareForUpdate`."""

from typing import Any

from localmesh.apiserver.errors import bad_request
from localmesh.apiserver.target import Target, subresources_of
from localmesh.core.names import generated
from localmesh.core.objects import Object, annotations_of
from localmesh.kinds.addresses import ANNOTATION
from localmesh.kinds.resources import NAMESPACES, PODS, SERVICES, Resource

_OF_THE_SERVER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "uid",
)
"""Metadata that a client may send back and cannot set."""

_FIRST_STATUS: dict[Resource, Object] = {
    NAMESPACES: {"phase": "Active"},
    PODS: {"phase": "Pending"},
    SERVICES: {"loadBalancer": {}},
}


def check_identity(target: Target, document: Any) -> Object:
    """Return a document that is what the path says it is, in the path's namespace. Raises ApiError."""
    if not isinstance(document, dict) or not isinstance(document.get("metadata", {}), dict):
        raise bad_request("the body of the request is no Kubernetes object: it needs apiVersion, kind and metadata")
    for field, expected in (("apiVersion", target.api_version), ("kind", target.resource.kind)):
        if document.get(field, expected) != expected:
            raise bad_request(f"the {field} in the data ({document[field]}) does not match the expected ({expected})")
    metadata = {**document.get("metadata", {})}
    namespace = metadata.get("namespace") or target.namespace
    if namespace != target.namespace:
        raise bad_request(
            f"the namespace of the provided object does not match the namespace sent on the request: {namespace} is"
            f" not {target.namespace or 'there, since this kind lives in no namespace'}"
        )
    if target.name and metadata.setdefault("name", target.name) != target.name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    metadata.pop("namespace", None)
    placed = {"namespace": target.namespace} if target.namespace else {}
    typed = {"apiVersion": target.api_version, "kind": target.resource.kind}
    return {**document, **typed, "metadata": metadata | placed}


def for_create(resource: Resource, document: Object) -> Object:
    """Return a document as it may begin: named, and without what only the server says."""
    metadata = {name: value for name, value in document["metadata"].items() if name not in _OF_THE_SERVER}
    if metadata.pop("resourceVersion", ""):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and isinstance(metadata.get("generateName"), str):
        metadata["name"] = generated(metadata["generateName"])
    prepared = {**document, "metadata": metadata}
    if subresources_of(resource):
        prepared.pop("status", None)
    return prepared | ({"status": _FIRST_STATUS[resource]} if resource in _FIRST_STATUS else {})


def for_update(resource: Resource, document: Object, current: Object) -> Object:
    """Return a document as it may replace the current object: the server's part stays as it is."""
    sent, kept = document["metadata"], current["metadata"]
    metadata = {name: value for name, value in sent.items() if name not in _OF_THE_SERVER}
    metadata |= {name: kept[name] for name in _OF_THE_SERVER if name in kept}
    prepared = {**document, "metadata": metadata}
    if subresources_of(resource):
        prepared.pop("status", None)
        prepared |= {"status": current["status"]} if "status" in current else {}
    if resource is PODS:
        return _with_addresses(prepared, current)
    return _service_update(prepared, current) if resource is SERVICES else prepared


def for_status_update(document: Object, current: Object) -> Object:
    """Return the current object with the document's status."""
    updated = {name: value for name, value in current.items() if name != "status"}
    revision = document["metadata"].get("resourceVersion")
    metadata = {**current["metadata"], **({"resourceVersion": revision} if revision else {})}
    return {**updated, "metadata": metadata, **({"status": document["status"]} if "status" in document else {})}


def _with_addresses(pod: Object, current: Object) -> Object:
    """Keep the kubelet's annotation when a user replaces a pod: where its ports are is no wish."""
    sent: Any = annotations_of(pod)
    if not isinstance(sent, dict):
        return pod  # its schema says why it is refused
    addresses = annotations_of(current).get(ANNOTATION)
    annotations = {name: value for name, value in sent.items() if name != ANNOTATION}
    if addresses is not None:
        annotations[ANNOTATION] = addresses
    return {**pod, "metadata": {**pod["metadata"], **({"annotations": annotations} if annotations else {})}}


def _service_update(service: Object, current: Object) -> Object:
    """Keep what was allocated for a Service, as far as its new type still has it."""
    if not isinstance(service.get("spec"), dict) or not isinstance(service["spec"].get("ports", []), list):
        return service  # its schema says why it is refused
    spec = {**service["spec"]}
    before = current["spec"]
    if spec.get("type", "ClusterIP") == "ExternalName":
        return {**service, "spec": {key: spec[key] for key in spec if key not in ("clusterIP", "clusterIPs")}}
    if before.get("clusterIP") and not spec.get("clusterIP"):
        spec |= {"clusterIP": before["clusterIP"], "clusterIPs": before["clusterIPs"]}
    has_node_ports = spec.get("type") in ("NodePort", "LoadBalancer")
    given = {port["port"]: port.get("nodePort") for port in before.get("ports", [])}
    if "ports" in spec:
        spec["ports"] = [_port_update(port, given, kept=has_node_ports) for port in spec["ports"]]
    return {**service, "spec": spec}


def _port_update(port: Any, given: dict[int, int | None], *, kept: bool) -> Any:
    if not isinstance(port, dict) or not isinstance(port.get("port"), int):
        return port
    number = given.get(port["port"])
    if number and kept and not port.get("nodePort"):
        return {**port, "nodePort": number}
    if number and not kept and port.get("nodePort") == number:
        return {name: value for name, value in port.items() if name != "nodePort"}
    return port
