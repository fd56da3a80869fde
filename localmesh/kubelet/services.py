"""Where Services lead to: ports of pods, whether somebody listens there or not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds.addresses import ADMIN_PORT
from localmesh.kinds.injection import is_gateway


def target_ports(services: Iterable[Object], pods: Iterable[Object]) -> Mapping[str, set[int]]:
    """Return the numbered ports to which Services lead, by the uid of each pod that one leads to.

    A gateway has none: its Envoy listens on the node port itself.
    """
    by_namespace = defaultdict(list)
    for pod in pods:
        if not is_gateway(pod):
            by_namespace[pod["metadata"]["namespace"]].append(pod)
    by_pod: dict[str, set[int]] = defaultdict(set)
    for service in services:
        selector, ports = service["spec"].get("selector"), _numbers(service)
        for pod in by_namespace[service["metadata"]["namespace"]] if selector and ports else ():
            if selects(selector, labels_of(pod)):
                by_pod[pod["metadata"]["uid"]] |= ports
    return by_pod


def _numbers(service: Object) -> set[int]:
    ports = service["spec"].get("ports") or []
    numbers = (port.get("targetPort") or port["port"] for port in ports if port.get("protocol", "TCP") == "TCP")
    return {number for number in numbers if isinstance(number, int) and number != ADMIN_PORT}
