"""From a Service's port to the pod: which container port it means, and where on loopback that answers.

Whoever asks (pilot for endpoints, the controllers for `kubectl get endpoints`, the kubelet for port-forward) asks here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localmesh.kinds.addresses import addresses_of
from localmesh.kinds.injection import is_gateway

NOBODY = 1
"""A port of loopback where nothing listens: the place of a container port that the pod does not have.

A cluster sends the request to the pod's address, and the kernel refuses the connection; so it does here.
"""


def container_port(pod: Mapping[str, Any], target: int | str) -> int | None:
    """Return the number of the container port that a Service's `targetPort` means in this pod.

    None for a name that the pod does not have; a number means itself, whether the pod declares it or not.
    """
    if isinstance(target, int):
        return target
    named = next((port["containerPort"] for port in container_ports(pod) if port.get("name") == target), None)
    return int(target) if named is None and target.isdecimal() else named


def container_ports(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the TCP ports that a pod's containers declare."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("protocol", "TCP") == "TCP":
                yield port


def target_of(port: Mapping[str, Any]) -> int | str:
    """Return the `targetPort` of one entry of a Service's `spec.ports`, which is its own number if it names none."""
    target: int | str = port.get("targetPort") or port["port"]
    return target


def local_port(pod: Mapping[str, Any], container_port: int, node_port: int | None) -> int | None:
    """Return where on loopback others reach a container port, None as long as the pod has no addresses.

    A gateway's Envoy listens on the node port itself: nothing stands in between.
    """
    if is_gateway(pod):
        return node_port
    addresses = addresses_of(pod)
    if addresses is None:
        return None
    reached = addresses.reach(container_port)
    return NOBODY if reached is None else reached
