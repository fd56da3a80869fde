"""What a cluster with Istio has and the local mesh has not: listed as empty, so that tools go on; writes are refused.

`kubectl get crd`, istioctl and Kiali ask for these before they show anything else.
"""

from localmesh.apiserver.errors import ApiError
from localmesh.kinds.resources import RESOURCES, Resource
from localmesh.kinds.unserved import why_not_served


def _core(kind: str, plural: str, short: str = "", *, namespaced: bool = True) -> Resource:
    return Resource("", ("v1",), kind, plural, kind.lower(), (short,) if short else (), namespaced=namespaced)


def _of(group: str, versions: str, kind: str, plural: str, *short: str, namespaced: bool = True) -> Resource:
    return Resource(group, tuple(versions.split()), kind, plural, kind.lower(), short, namespaced=namespaced)


def _istio(group: str, versions: tuple[str, ...], kind: str, plural: str, *short: str) -> Resource:
    return Resource(f"{group}.istio.io", versions, kind, plural, kind.lower(), short, custom=True)


_NETWORKING = ("v1", "v1beta1", "v1alpha3")

_CANDIDATES = (
    _core("Secret", "secrets"),
    _core("Node", "nodes", "no", namespaced=False),
    _core("PersistentVolume", "persistentvolumes", "pv", namespaced=False),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc"),
    _core("ReplicationController", "replicationcontrollers", "rc"),
    _of("apps", "v1", "DaemonSet", "daemonsets", "ds"),
    _of("apps", "v1", "StatefulSet", "statefulsets", "sts"),
    _of("batch", "v1", "Job", "jobs"),
    _of("batch", "v1", "CronJob", "cronjobs", "cj"),
    _of("autoscaling", "v2 v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"),
    _of("networking.k8s.io", "v1", "Ingress", "ingresses", "ing"),
    _of("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol"),
    _of("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "crd", "crds",
        namespaced=False),
    _of("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
        namespaced=False),
    _of("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
        namespaced=False),
    _istio("networking", _NETWORKING, "ServiceEntry", "serviceentries", "se"),
    _istio("networking", _NETWORKING, "Sidecar", "sidecars"),
    _istio("networking", _NETWORKING, "WorkloadEntry", "workloadentries", "we"),
    _istio("networking", _NETWORKING, "WorkloadGroup", "workloadgroups", "wg"),
    _istio("networking", ("v1alpha3",), "EnvoyFilter", "envoyfilters"),
    _istio("networking", ("v1beta1",), "ProxyConfig", "proxyconfigs"),
    _istio("extensions", ("v1alpha1",), "WasmPlugin", "wasmplugins"),
)  # fmt: skip
_SERVED = {(resource.group, resource.plural) for resource in RESOURCES}

ABSENT = tuple(resource for resource in _CANDIDATES if (resource.group, resource.plural) not in _SERVED)
ABSENT_BY_PLURAL = {(resource.group, resource.plural): resource for resource in ABSENT}


def not_done(resource: Resource) -> ApiError:
    """Return the answer to a write of what the local mesh lists and has not."""
    reason = why_not_served(resource.api_version(), resource.kind)
    message = f"{resource.qualified} are not supported by the local mesh: it lists none and keeps none"
    message = f"{message}; {reason}" if reason else message
    return ApiError(405, "MethodNotAllowed", message, resource=resource)
