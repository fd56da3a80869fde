"""Sidecar injection: what Istio's webhook adds to a pod, in the form that the local mesh runs.

Who gets a sidecar follows Istio's webhook selectors: the namespace's labels decide, and the pod's own label (or, to
refuse, its annotation) overrules them. The proxy is an ordinary container after the application's, so that kubectl
takes the application by default and READY says 2/2; the kubelet starts it first and ends it last, as a native sidecar.
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from localmesh.core.objects import Object, annotations_of, labels_of
from localmesh.kinds.addresses import ADMIN_PORT
from localmesh.kinds.kubernetes.pods import DEFAULT_CONTAINER
from localmesh.kinds.marks import REVISION, TEMPLATES

PROXY = "istio-proxy"
PROXY_IMAGE = "docker.io/istio/proxyv2:1.31.1"
INJECT = "sidecar.istio.io/inject"
STATUS = "sidecar.istio.io/status"
TLS_MODE = "security.istio.io/tlsMode"
"""The label by which clients know that a pod's proxy takes TLS."""

MUTUAL_TLS = "istio"


def inject(pod: Object, namespace: Object | None) -> Object:
    """Return the pod with a proxy if its namespace or itself asks for one, else the pod unchanged.

    A pod of template `gateway` has a container `istio-proxy` already: its image `auto` and its probes are filled in.
    """
    if is_injected(pod):
        return pod
    if is_gateway(pod):
        return _as_gateway(pod)
    return _with_sidecar(pod) if asks_for_sidecar(pod, namespace) else pod


def asks_for_sidecar(pod: Mapping[str, Any], namespace: Mapping[str, Any] | None) -> bool:
    """Tell whether Istio's webhook would add a sidecar.

    Source: mutatingwebhook.yaml of the chart istiod, injectRequired in pkg/kube/inject/inject.go of Istio 1.31.
    """
    said = labels_of(pod).get(INJECT, annotations_of(pod).get(INJECT, ""))
    asked = _is_asked(labels_of(pod), labels_of(namespace) if namespace else {})
    return asked and said != "false" and not pod["spec"].get("hostNetwork")


def _is_asked(pod: Mapping[str, str], namespace: Mapping[str, str]) -> bool:
    """Tell whether the webhook is called for a pod at all, by its labels and those of its namespace."""
    if "istio-injection" in namespace:
        return namespace["istio-injection"] == "enabled"
    revision = namespace.get(REVISION, pod.get(REVISION))
    return pod.get(INJECT) == "true" if revision is None else revision == "default"


def is_gateway(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod is a gateway: an Envoy without an application."""
    return annotations_of(pod).get(TEMPLATES) == "gateway"


def is_injected(pod: Mapping[str, Any]) -> bool:
    """Tell whether a sidecar stands beside the pod's application."""
    return bool(sidecars_of(pod))


def takes_mutual_tls(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod's proxy takes TLS, by the label that injection gave it or that somebody changed."""
    return labels_of(pod).get(TLS_MODE) == MUTUAL_TLS


def sidecars_of(pod: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the containers that were injected: first to start, last to end.

    Others write this annotation too: a pod that was read from a cluster has what Istio's webhook said of it there.
    """
    return frozenset(container["name"] for container in pod["spec"]["containers"]) & _named(pod)


def _named(pod: Mapping[str, Any]) -> frozenset[str]:
    """Return the containers that the annotation names, none if it cannot be read."""
    try:
        status = json.loads(annotations_of(pod).get(STATUS) or "{}")
    except (ValueError, RecursionError):
        return frozenset()
    names = status.get("containers") if isinstance(status, dict) else None
    return frozenset(filter(_is_text, names)) if isinstance(names, list) else frozenset()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _with_sidecar(pod: Object) -> Object:
    app = pod["spec"]["containers"][0]["name"]
    added = {
        "kubectl.kubernetes.io/default-logs-container": app,
        DEFAULT_CONTAINER: app,
        STATUS: _status(containers=[PROXY]),
    }
    containers = [*pod["spec"]["containers"], _proxy("sidecar", {"name": PROXY, "image": PROXY_IMAGE})]
    return _changed(pod, containers, added, {TLS_MODE: MUTUAL_TLS})


def _as_gateway(pod: Object) -> Object:
    containers = [
        _proxy("router", container) if container["name"] == PROXY else container
        for container in pod["spec"]["containers"]
    ]
    return _changed(pod, containers, {STATUS: _status(containers=[])}, {})


def _changed(pod: Object, containers: list[Object], annotations: dict[str, str], labels: dict[str, str]) -> Object:
    metadata = pod["metadata"] | {
        "annotations": annotations | annotations_of(pod) | {STATUS: annotations[STATUS]},
        "labels": labels | _canonical_labels(pod) | labels_of(pod),
    }
    return pod | {"metadata": metadata, "spec": pod["spec"] | {"containers": containers}}


def _status(containers: list[str]) -> str:
    parts = {"initContainers": None, "containers": containers, "volumes": None, "revision": "default"}
    return json.dumps(parts, separators=(",", ":"))


class Canonical(Struct, frozen=True):
    """The service and the version that a pod stands for in telemetry."""

    name: str
    revision: str
    """"" if the pod does not say."""


def canonical_of(pod: Mapping[str, Any]) -> Canonical:
    """Return what a pod stands for by its labels, else by its workload."""
    labels = labels_of(pod)
    name = labels.get("app.kubernetes.io/name") or labels.get("app") or workload_name(pod)
    return Canonical(name, labels.get("app.kubernetes.io/version") or labels.get("version") or "")


def workload_name(pod: Mapping[str, Any]) -> str:
    """Return the name of what a pod was made from: its Deployment's, that of another controller, else its own.

    Source: GetWorkloadMetaFromPod in pkg/kube of Istio 1.31.
    """
    metadata = pod["metadata"]
    owners = [owner for owner in metadata.get("ownerReferences") or [] if owner.get("controller")]
    if not metadata.get("generateName") or not owners:
        return str(metadata.get("name") or metadata.get("generateName", "").rstrip("-"))
    template = labels_of(pod).get("pod-template-hash", "")
    name: str = owners[0]["name"]
    return name.removesuffix(f"-{template}") if template and owners[0].get("kind") == "ReplicaSet" else name


def _canonical_labels(pod: Object) -> dict[str, str]:
    canonical = canonical_of(pod)
    return {
        "service.istio.io/canonical-name": canonical.name,
        "service.istio.io/canonical-revision": canonical.revision or "latest",
    }


def _proxy(role: str, container: Object) -> Object:
    """Return the proxy's container: Istio's, but probed on Envoy's own admin page, for there is no pilot-agent."""
    image = container.get("image", "auto")
    ready = {"httpGet": {"path": "/ready", "port": ADMIN_PORT, "scheme": "HTTP"}}
    defaults = {
        "args": ["proxy", role, "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "env": [_field("POD_NAME", "metadata.name"), _field("POD_NAMESPACE", "metadata.namespace")],
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "startupProbe": ready | _times(period=1, failures=600),
        "readinessProbe": ready | _times(period=15, failures=4),
    }
    return defaults | container | {"image": PROXY_IMAGE if image == "auto" else image}


def _times(period: int, failures: int) -> Object:
    return {"periodSeconds": period, "timeoutSeconds": 3, "successThreshold": 1, "failureThreshold": failures}


def _field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
