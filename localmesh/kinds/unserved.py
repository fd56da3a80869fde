"""Kinds that people bring along and the local mesh does not serve: why, and what to take instead."""

from collections.abc import Mapping

_OUTSIDE = "what is outside of the mesh is reached without its rules"
_MACHINES = "workloads are pods"
_GATEWAY_API = "take a Gateway and a VirtualService of networking.istio.io instead"
_CODE = "Envoys here are told only what istiod writes, and extensions are written for another Envoy"
_CONTROLLER = "take a Deployment instead"
_ACCESS = "everybody on this machine may do everything"
_LIMITS = "it would change neither traffic nor results on one machine, so leave it out"

_REASONS: Mapping[str, Mapping[str, str]] = {
    "networking.istio.io": {
        "EnvoyFilter": _CODE,
        "ProxyConfig": "all proxies are started alike",
        "ServiceEntry": _OUTSIDE,
        "Sidecar": "each proxy knows the whole mesh",
        "WorkloadEntry": _MACHINES,
        "WorkloadGroup": _MACHINES,
    },
    "extensions.istio.io": {"WasmPlugin": _CODE},
    "install.istio.io": {"IstioOperator": "there is no control plane to install; `mesh up` starts one"},
    "gateway.networking.k8s.io": dict.fromkeys(
        ("GRPCRoute", "Gateway", "GatewayClass", "HTTPRoute", "ReferenceGrant", "TCPRoute", "TLSRoute"), _GATEWAY_API
    ),
    "": {
        "Secret": "put what is no secret into a ConfigMap",
        "PersistentVolume": "pods have the machine's own files",
        "PersistentVolumeClaim": "pods have the machine's own files",
        "LimitRange": _LIMITS,
        "ResourceQuota": _LIMITS,
    },
    "apps": {"DaemonSet": _CONTROLLER, "StatefulSet": _CONTROLLER},
    "batch": {"CronJob": _CONTROLLER, "Job": _CONTROLLER},
    "autoscaling": {"HorizontalPodAutoscaler": "set `replicas`, or `kubectl scale`"},
    "networking.k8s.io": {
        "Ingress": "take a Gateway and a VirtualService instead",
        "IngressClass": "take a Gateway instead",
        "NetworkPolicy": "take an AuthorizationPolicy instead",
    },
    "rbac.authorization.k8s.io": dict.fromkeys(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), _ACCESS),
    "apiextensions.k8s.io": {"CustomResourceDefinition": "Istio's kinds that are served are there already"},
    "k8s.cni.cncf.io": {"NetworkAttachmentDefinition": "nothing is caught on its way here"},
    "security.openshift.io": {"SecurityContextConstraints": _ACCESS},
}

_SUBRESOURCES = {
    "ephemeralcontainers": "use kubectl exec, or kubectl run -it --rm with an image of tools such as nicolaka/netshoot",
    "eviction": "use kubectl delete pod",
    "proxy": "use kubectl port-forward",
    "resize": "what a container may use is not limited here",
    "token": "nobody here asks for one: take your own issuer's for a RequestAuthentication",
}


def instead_of(subresource: str) -> str:
    """Return what to do instead of what a cluster serves of an object and the local mesh does not, "" if unknown."""
    return _SUBRESOURCES.get(subresource, "")


def why_nobody_serves(group: str, plural: str) -> str:
    """Return the same as `why_not_served` of a resource, by the name that it has in a path."""
    reasons = _REASONS.get(group, {})
    return next((why for kind, why in reasons.items() if plural == f"{kind.lower()}s"), "")


def why_not_served(api_version: str, kind: str) -> str:
    """Return why a kind is not served, and what to take instead; "" for a kind that nobody thought of."""
    group = api_version.rpartition("/")[0]
    return _REASONS.get(group, {}).get(kind, "")
