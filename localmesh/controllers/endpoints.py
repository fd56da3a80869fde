"""Service → Endpoints and EndpointSlices: the pods that answer for it, and where.

Each pod answers on ports of its own (see `kinds.addresses`), so each pod is a subset and a slice of its own. A pod that
is about to end leaves Endpoints at once; its slice says that it is terminating and still serving.
"""

from localmesh.controllers.loop import reconcile_each
from localmesh.controllers.ownership import reference
from localmesh.core.loopback import LOOPBACK
from localmesh.core.names import digest
from localmesh.core.objects import Object, controller_of, key_of, labels_of, selects
from localmesh.kinds.kubernetes.pods import is_finished, is_ready, is_terminating
from localmesh.kinds.resources import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES, Resource
from localmesh.kinds.service_ports import container_port, local_port, target_of
from localmesh.store.objects import Store

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


class EndpointsController:
    """Keeps both forms of a Service's endpoints; those of a Service without a selector are left to their writer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self) -> float | None:
        """Look at each Service that selects pods."""
        return reconcile_each((service for service in self._store.objects(SERVICES) if _selector(service)), self._sync)

    def _sync(self, service: Object) -> None:
        pods = [pod for pod in self._pods(service) if pod["spec"].get("nodeName") and ports_of(service, pod)]
        self._put(ENDPOINTS, _endpoints(service, pods))
        slices = {slice_["metadata"]["name"]: slice_ for slice_ in (_slice(service, pod) for pod in pods)}
        for slice_ in slices.values():
            self._put(ENDPOINT_SLICES, slice_)
        for stale in self._store.objects(ENDPOINT_SLICES, service["metadata"]["namespace"]):
            if controller_of(stale) == service["metadata"]["uid"] and stale["metadata"]["name"] not in slices:
                self._store.remove(ENDPOINT_SLICES, key_of(stale))

    def _pods(self, service: Object) -> list[Object]:
        pods = self._store.objects(PODS, service["metadata"]["namespace"])
        return [pod for pod in pods if selects(_selector(service), labels_of(pod)) and not is_finished(pod)]

    def _put(self, resource: Resource, obj: Object) -> None:
        key = key_of(obj)
        if self._store.find(resource, key) is None:
            self._store.create(resource, obj)
        else:
            self._store.update(resource, obj)


def ports_of(service: Object, pod: Object) -> list[Object]:
    """Return the Service's ports as this pod answers them on loopback; a name that it lacks is left out."""
    ports = []
    for port in service["spec"].get("ports") or []:
        local = _local_port(port, pod)
        if local is not None:
            name = {"name": port["name"]} if port.get("name") else {}
            ports.append(name | {"port": local, "protocol": port.get("protocol", "TCP")})
    return ports


def _local_port(port: Object, pod: Object) -> int | None:
    target = container_port(pod, target_of(port))
    return local_port(pod, target, port.get("nodePort")) if target is not None else None


def _endpoints(service: Object, pods: list[Object]) -> Object:
    """Return the older form: one subset for each pod that has not begun to end."""
    subsets = []
    for pod in pods:
        if not is_terminating(pod):
            place = "addresses" if _serves(service, pod) else "notReadyAddresses"
            subsets.append({place: [_address(pod)], "ports": ports_of(service, pod)})
    metadata = {
        name: service["metadata"][name] for name in ("name", "namespace", "labels") if name in service["metadata"]
    }
    owned = metadata | {"ownerReferences": [reference(service)]}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": owned} | ({"subsets": subsets} if subsets else {})


def _slice(service: Object, pod: Object) -> Object:
    serving, terminating = _serves(service, pod), is_terminating(pod)
    name = service["metadata"]["name"]
    metadata = {
        "name": f"{name}-{digest(pod['metadata']['uid'], 5)}",
        "namespace": service["metadata"]["namespace"],
        "labels": labels_of(service) | MANAGED_BY | {SERVICE_NAME: name},
        "ownerReferences": [reference(service)],
    }
    endpoint = {
        "addresses": [LOOPBACK],
        "conditions": {"ready": serving and not terminating, "serving": serving, "terminating": terminating},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": ports_of(service, pod),
    }


def _serves(service: Object, pod: Object) -> bool:
    return is_ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))


def _address(pod: Object) -> Object:
    return {"ip": LOOPBACK, "nodeName": pod["spec"]["nodeName"], "targetRef": _reference(pod)}


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _selector(service: Object) -> dict[str, str]:
    return service["spec"].get("selector") or {}
