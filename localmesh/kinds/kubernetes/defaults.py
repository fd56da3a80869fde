"""What a Kubernetes API server fills in where a manifest says nothing (`pkg/apis/*/v1/defaults.go`).

Addresses and ports that must be unique are not defaults: the door's registry allocates them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from localmesh.core.objects import Object, copied
from localmesh.kinds.resources import DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS, SERVICES, Resource

DEFAULT_GRACE = 30
"""Seconds between SIGTERM and SIGKILL when a pod does not say (`terminationGracePeriodSeconds`)."""


def complete(resource: Resource, obj: Object) -> Object:
    """Return the object with defaults in it; the argument is not changed."""
    completed = copied(obj)
    fill = _FILLERS.get(resource)
    if fill is not None:
        fill(completed)
    return completed


def _default(target: Object, **values: Any) -> None:
    for name, value in values.items():
        target.setdefault(name, value)


def _namespace(obj: Object) -> None:
    metadata = obj["metadata"]
    if "name" in metadata:
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _pod_spec(spec)
    # Only pods get these, not the templates that they are made from.
    _default(spec, enableServiceLinks=True, serviceAccountName=spec.get("serviceAccount", "default"))
    spec["serviceAccount"] = spec["serviceAccountName"]


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _default(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    strategy = spec["strategy"]
    _default(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _default(strategy, rollingUpdate={})
        _default(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _default(spec, replicas=1)
    _template(spec)


def _template(spec: Object) -> None:
    if "template" in spec:
        _default(spec["template"], metadata={}, spec={})
        _pod_spec(spec["template"]["spec"])


def _pod_spec(spec: Object) -> None:
    _default(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=DEFAULT_GRACE,
    )
    if "serviceAccountName" in spec:
        _default(spec, serviceAccount=spec["serviceAccountName"])
    for container in (*spec.get("containers", []), *spec.get("initContainers", [])):
        _container(container)
    for volume in spec.get("volumes", []):
        _volume(volume)


def _container(container: Object) -> None:
    _default(
        container,
        imagePullPolicy=_pull_policy(container.get("image", "")),
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    for port in container.get("ports", []):
        _default(port, protocol="TCP")
    for variable in container.get("env", []):
        if reference := variable.get("valueFrom", {}).get("fieldRef"):
            _default(reference, apiVersion="v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])


def _pull_policy(image: str) -> str:
    """Images without a tag or tagged `latest` are looked for anew each time; digests and other tags are not."""
    name = image.rpartition("/")[2]
    return "IfNotPresent" if "@" in name or name.partition(":")[2] not in ("", "latest") else "Always"


def _probe(probe: Object) -> None:
    _default(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        _default(probe["httpGet"], path="/", scheme="HTTP")


def _volume(volume: Object) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}
    for name in ("configMap", "secret", "projected", "downwardAPI"):
        if name in volume:
            _default(volume[name], defaultMode=0o644)


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _default(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports", []):
        _default(port, protocol="TCP")
        if "port" in port:
            _default(port, targetPort=port["port"])
    if spec["type"] == "ExternalName":
        return
    _default(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _default(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _default(spec, allocateLoadBalancerNodePorts=True)


_FILLERS: Mapping[Resource, Callable[[Object], None]] = {
    NAMESPACES: _namespace,
    PODS: _pod,
    DEPLOYMENTS: _deployment,
    REPLICA_SETS: _replica_set,
    SERVICES: _service,
}
