"""Manifests alone → the cluster that would come of them, with made-up pods and addresses.

Replica r of the n-th Deployment is the pod `<deployment>-r` at 10.10.n.r, the n-th Service has the cluster IP
10.200.1.n, both counted from 1 by namespace and name; what does not say when it was made is as old as everything else;
the ingress gateway is there; of bare Pods those are there that say their address (`status.podIP`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from localmesh.core.manifests import documents
from localmesh.core.objects import Object, key_of
from localmesh.kinds.injection import inject
from localmesh.kinds.resources import DEPLOYMENTS, PODS, SERVICES, Resource, resource_of
from localmesh.pilot.analysis import analyse
from localmesh.pilot.findings import Finding
from localmesh.pilot.proxies import compute
from localmesh.pilot.registry.addresses import MadeUpAddresses
from localmesh.pilot.snapshot import Snapshot
from localmesh.proxy.proxies import Proxy, ProxyId

EPOCH = "2026-01-01T00:00:00Z"
_SERVICES_PER_NETWORK = 250
_READY: Object = {"type": "Ready", "status": "True"}
_INJECTING: Object = {"metadata": {"labels": {"istio-injection": "enabled"}}}


def proxies_of(objects: Iterable[Object], *, auto_mtls: bool = False) -> Mapping[ProxyId, Proxy]:
    """Return what the proxy of each Deployment's first replica would do, by the Deployment's name.

    Deployments without replicas are among them. The objects must have passed admission and have a namespace.
    """
    cluster = cluster_of(objects)
    computed = compute(Snapshot.of_objects(cluster), MadeUpAddresses(), auto_mtls=auto_mtls).proxies
    deployments = _of(DEPLOYMENTS, cluster)
    first = {ProxyId(key.namespace, f"{key.name}-1"): key for key in map(key_of, deployments)}
    return {ProxyId(key.namespace, key.name): computed[pod] for pod, key in first.items() if pod in computed}


def findings_of(objects: Iterable[Object]) -> Sequence[Finding]:
    """Return what does not fit together in the cluster that would come of admitted objects."""
    return list(dict.fromkeys(analyse(Snapshot.of_objects(cluster_of(objects)))))


def cluster_of(objects: Iterable[Object]) -> list[Object]:
    """Return the objects of the cluster that would come of admitted ones, pods and the ingress gateway included."""
    applied = [*objects]
    applied += _missing(_ingress_gateway(), applied)
    return [_dated(obj) for obj in _completed(applied, _of(DEPLOYMENTS, applied))]


def _completed(cluster: Iterable[Object], deployments: Iterable[Object]) -> Iterator[Object]:
    """Yield the objects as a cluster would have them, and the pods that it would have made."""
    for number, service in enumerate(_of(SERVICES, cluster), 1):
        yield _with_cluster_ip(service, number)
    for number, deployment in enumerate(deployments, 1):
        yield from _pods(deployment, number)
    yield from (_ready(pod) for pod in _of(PODS, cluster) if (pod.get("status") or {}).get("podIP"))
    yield from (obj for obj in cluster if _resource(obj) not in (PODS, SERVICES))


def _ready(pod: Object) -> Object:
    """Return a bare Pod as one that runs and takes requests, unless it says otherwise."""
    return pod | {"status": {"phase": "Running", "conditions": [_READY]} | pod["status"]}


def _of(resource: Resource, objects: Iterable[Object]) -> list[Object]:
    return sorted((obj for obj in objects if _resource(obj) is resource), key=lambda obj: str(key_of(obj)))


def _resource(obj: Object) -> Resource | None:
    return resource_of(obj["apiVersion"], obj["kind"])


def _ingress_gateway() -> list[Object]:
    """Return the gateway's Deployment and Service, as the local mesh is seeded with them."""
    seed = documents(files("localmesh").joinpath("seed.yaml").read_text(encoding="utf-8"))
    return [obj for obj in seed if _resource(obj) in (DEPLOYMENTS, SERVICES)]


def _missing(seeded: Iterable[Object], manifests: Iterable[Object]) -> list[Object]:
    """Return the seeded objects that the manifests do not bring themselves."""
    brought = {(_resource(obj), key_of(obj)) for obj in manifests}
    return [obj for obj in seeded if (_resource(obj), key_of(obj)) not in brought]


def _with_cluster_ip(service: Object, number: int) -> Object:
    """Give a Service the address that it would be allocated, unless it has one or needs none."""
    spec = service["spec"]
    if spec.get("clusterIP") or spec.get("type") == "ExternalName":
        return service
    network, host = divmod(number, _SERVICES_PER_NETWORK)
    return service | {"spec": spec | {"clusterIP": f"10.200.{1 + network}.{host}"}}


def _pods(deployment: Object, number: int) -> Iterator[Object]:
    """Yield a Deployment's pods; for one without replicas, a pod that has ended, which gets no traffic."""
    replicas = deployment["spec"].get("replicas", 1)
    template = deployment["spec"]["template"]
    for replica in range(1, replicas + 1):
        yield _pod(deployment, template["spec"], replica, {"phase": "Running", "podIP": f"10.10.{number}.{replica}"})
    if not replicas:
        yield _pod(deployment, _idle(template["spec"]), 1, {"phase": "Succeeded", "podIP": f"10.10.{number}.1"})


def _pod(deployment: Object, spec: Object, replica: int, status: Object) -> Object:
    """Return one pod, with a proxy unless it says that it wants none: whatever its namespace says."""
    key = key_of(deployment)
    metadata = deployment["spec"]["template"].get("metadata") or {}
    pod = {
        "apiVersion": PODS.api_version(),
        "kind": PODS.kind,
        "metadata": {**metadata, "name": f"{key.name}-{replica}", "namespace": key.namespace},
        "spec": spec,
        "status": status | {"conditions": [_READY]},
    }
    return inject(pod, _INJECTING)


def _idle(spec: Object) -> Object:
    """Return a pod's spec with no port open."""
    containers = [
        {name: value for name, value in container.items() if name != "ports"} for container in spec["containers"]
    ]
    return spec | {"containers": containers}


def _dated(obj: Object) -> Object:
    return obj | {"metadata": {"creationTimestamp": EPOCH} | obj["metadata"]}
