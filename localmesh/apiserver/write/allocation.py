"""What must be unique among Services: cluster IPs, and ports of the machine."""

import random
from collections.abc import Iterator
from ipaddress import IPv4Network

from localmesh.core.loopback import is_free
from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.admission import InvalidError
from localmesh.kinds.injection import is_gateway
from localmesh.kinds.resources import PODS, SERVICES
from localmesh.kinds.review import Problem
from localmesh.store.objects import Store

CLUSTER_IPS = IPv4Network("10.200.1.0/24")
"""Nothing answers there: Services are found by name, and a cluster IP is one of the names."""

NODE_PORTS = range(30000, 32768)
"""Where a port is chosen from when the manifest names none."""

NAMED_PORTS = NODE_PORTS[:86]
"""A 32nd of them: https://kubernetes.io/docs/concepts/services-networking/service/#avoid-nodeport-collisions."""


def allocate(store: Store, service: Object) -> Object:
    """Return a Service with cluster IP and node ports, as far as its type has them. Raises InvalidError.

    What the Service already has stays its own; the argument is not changed.
    """
    others = [other for other in store.objects(SERVICES) if key_of(other) != key_of(service)]
    spec = {**service["spec"]}
    if spec["type"] != "ExternalName":
        spec["clusterIP"] = spec.get("clusterIP") or _free_address(service, others)
        spec["clusterIPs"] = [spec["clusterIP"]]
        _check_address(service, spec["clusterIP"], others)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec["ports"] = list(_with_node_ports(store, service, others))
    return {**service, "spec": spec}


def _free_address(service: Object, others: list[Object]) -> str:
    taken = {other["spec"].get("clusterIP") for other in others}
    free = [str(address) for address in CLUSTER_IPS.hosts() if str(address) not in taken]
    if not free:
        message = f"Internal error: all of {CLUSTER_IPS} is taken: delete Services that are no longer needed"
        raise _invalid(service, "spec.clusterIPs", message)
    return random.choice(free)  # noqa: S311 - a number, not a secret


def _check_address(service: Object, address: str, others: list[Object]) -> None:
    owner = next((key_of(other) for other in others if other["spec"].get("clusterIP") == address), None)
    if address != "None" and owner is not None:
        message = f"Invalid value: {[address]}: failed to allocate IP {address}: it belongs to the Service {owner}"
        raise _invalid(service, "spec.clusterIPs", message)


def _with_node_ports(store: Store, service: Object, others: list[Object]) -> Iterator[Object]:
    """Yield the Service's ports, each with a node port that is its own. Raises InvalidError."""
    taken = {port["nodePort"]: key_of(other) for other in others for port in _open_ports(other)}
    mine = {port["nodePort"] for port in _open_ports(service)}
    before = {port["nodePort"] for port in _open_ports(store.find(SERVICES, key_of(service)) or {"spec": {}})}
    free = _free_ports({*taken, *mine})
    for index, port in enumerate(service["spec"]["ports"]):
        number = port.get("nodePort") or next(free, None)
        if number is None:
            complaint = f"Internal error: all of {NODE_PORTS.start}-{NODE_PORTS.stop - 1} is taken: delete Services"
            raise _invalid(service, f"spec.ports[{index}].nodePort", complaint)
        complaint = f"Invalid value: {number}: "
        if number in taken:
            complaint += f"provided port is already allocated, to the Service {taken[number]}"
            raise _invalid(service, f"spec.ports[{index}].nodePort", complaint)
        if number in mine - before and _has_listeners(store, service) and not is_free(number, shared=True):
            complaint += "another program on this machine listens there"
            raise _invalid(service, f"spec.ports[{index}].nodePort", complaint)
        mine.add(number)
        yield {**port, "nodePort": number}


def _open_ports(service: Object) -> list[Object]:
    return [port for port in service["spec"].get("ports", []) if port.get("nodePort")]


def _invalid(service: Object, field: str, complaint: str) -> InvalidError:
    return InvalidError(SERVICES, service["metadata"]["name"], [Problem(field, complaint)])


def _has_listeners(store: Store, service: Object) -> bool:
    """Tell whether somebody listens on the Service's node ports: a gateway's Envoy does."""
    selector = service["spec"].get("selector") or {}
    pods = store.objects(PODS, service["metadata"].get("namespace", ""))
    return bool(selector) and any(is_gateway(pod) and selects(selector, labels_of(pod)) for pod in pods)


def _free_ports(taken: set[int]) -> Iterator[int]:
    """Yield ports by chance that nobody on the machine listens on: another mesh may run beside this one."""
    candidates = random.sample(NODE_PORTS, len(NODE_PORTS))
    # Kubernetes, too, keeps the lowest for those who name their port, as long as there are others.
    candidates.sort(key=lambda port: port in NAMED_PORTS)
    return (port for port in candidates if port not in taken and is_free(port))
