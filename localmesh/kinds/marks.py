"""What Istio is told by annotations and labels, and is not done here.

Source: annotation/annotations.yaml and label/labels.yaml of Istio's API 1.31. What changes neither traffic nor results
on a laptop (a proxy's resources, log levels, images) is in no list, and nothing is said of it.
"""

from collections.abc import Iterator, Mapping

from localmesh.core.objects import Object, annotations_of, labels_of
from localmesh.kinds.embedded_yaml import settings_in
from localmesh.kinds.review import Problem, not_honoured

TEMPLATES = "inject.istio.io/templates"
REVISION = "istio.io/rev"
"""The label by which a namespace or a pod asks for a sidecar of one istiod: here there is one, `default`."""

_PROXY_CONFIG = "proxy.istio.io/config"
_AS_HERE = ("concurrency", "drainDuration", "holdApplicationUntilProxyStarts", "terminationDrainDuration")
"""Settings of a proxy that change nothing, or say what is done in any case."""

_NO_CAPTURE = "nothing is intercepted here: calls over HTTP_PROXY go through the sidecar, and others past it"
_ALIKE = "all Envoys are started alike"
_ONE_PLACE = "all pods are in one place"
_ONE_ISTIOD = "there is one istiod here, of the revision 'default'"
_NO_AMBIENT = "pods have sidecars here, there is no ambient mode"

_POD_ANNOTATIONS: Mapping[str, str] = {
    "sidecar.istio.io/bootstrapOverride": _ALIKE,
    "sidecar.istio.io/discoveryAddress": _ALIKE,
    "sidecar.istio.io/extraStatTags": _ALIKE,
    "sidecar.istio.io/statsInclusionPrefixes": _ALIKE,
    "sidecar.istio.io/statsInclusionRegexps": _ALIKE,
    "sidecar.istio.io/statsInclusionSuffixes": _ALIKE,
    "sidecar.istio.io/userVolume": _ALIKE,
    "traffic.sidecar.istio.io/excludeInboundPorts": _NO_CAPTURE,
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _NO_CAPTURE,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _NO_CAPTURE,
    "traffic.sidecar.istio.io/includeInboundPorts": _NO_CAPTURE,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": _NO_CAPTURE,
    "traffic.sidecar.istio.io/includeOutboundPorts": _NO_CAPTURE,
}
_POD_LABELS: Mapping[str, str] = {
    "istio-locality": _ONE_PLACE,
    "topology.istio.io/locality": _ONE_PLACE,
    "topology.istio.io/network": _ONE_PLACE,
}
_SERVICE_ANNOTATIONS = {"traffic.istio.io/nodeSelector": "there is one node here"}
_SERVICE_LABELS = {
    "experimental.istio.io/disable-gateway-port-translation": "a Gateway's port is a Service's, or else the pod's own",
    "istio.io/use-waypoint": _NO_AMBIENT,
}
_SESSIONS = ("istio.io/persistent-session", "istio.io/persistent-session-header")
_TUNNEL = "networking.istio.io/tunnel"
_TEMPLATES = ("sidecar", "gateway")


def pod_marks(metadata: Object, at: str) -> Iterator[Problem | str]:
    """Yield what a pod's metadata, or that of a template for pods, asks for that is not done here.

    Args:
        metadata: of the pod.
        at: where it stands in the object.
    """
    annotations, labels = annotations_of({"metadata": metadata}), labels_of({"metadata": metadata})
    yield from _listed(annotations, _POD_ANNOTATIONS, f"{at}.annotations")
    if not _is_as_here(annotations.get(_PROXY_CONFIG, "")):
        yield not_honoured(f"{at}.annotations[{_PROXY_CONFIG}]", _ALIKE)
    yield from _listed(labels, _POD_LABELS, f"{at}.labels")
    if annotations.get(TEMPLATES, "sidecar") not in _TEMPLATES:
        yield not_honoured(f"{at}.annotations[{TEMPLATES}]", "there are the templates 'sidecar' and 'gateway'")
    if labels.get(_TUNNEL):
        yield Problem(f"{at}.labels[{_TUNNEL}]", "HTTP tunnels to pods are not supported by the local mesh")
    yield from _revision(labels, f"{at}.labels", "no sidecar is added")


def namespace_marks(obj: Object) -> Iterator[str]:
    """Yield what a Namespace's labels ask for that is not done here."""
    labels = labels_of(obj)
    if labels.get("istio.io/dataplane-mode") == "ambient":
        yield not_honoured("metadata.labels[istio.io/dataplane-mode]", _NO_AMBIENT)
    if "istio-injection" not in labels:
        yield from _revision(labels, "metadata.labels", "no sidecars are added")


def service_marks(obj: Object) -> Iterator[Problem | str]:
    """Yield what a Service's annotations and labels ask for that is not done here."""
    yield from _listed(annotations_of(obj), _SERVICE_ANNOTATIONS, "metadata.annotations")
    yield from _listed(labels_of(obj), _SERVICE_LABELS, "metadata.labels")
    for name in _SESSIONS:
        if labels_of(obj).get(name):
            yield Problem(f"metadata.labels[{name}]", "persistent sessions are not supported by the local mesh")


def configuration_marks(obj: Object) -> Iterator[str]:
    """Yield what the labels of an object of one of Istio's kinds ask for that is not done here."""
    yield from _revision(labels_of(obj), "metadata.labels", "in a cluster only an istiod of this revision reads it")


def _is_as_here(config: str) -> bool:
    """Tell whether a proxy's configuration asks for nothing but what is done in any case."""
    try:
        settings = settings_in(config)
    except ValueError:
        return False
    return isinstance(settings, dict) and not settings.keys() - set(_AS_HERE)


def _listed(found: Mapping[str, str], known: Mapping[str, str], at: str) -> Iterator[str]:
    for name in sorted(found.keys() & known.keys()):
        yield not_honoured(f"{at}[{name}]", known[name])


def _revision(labels: Mapping[str, str], at: str, consequence: str) -> Iterator[str]:
    if labels.get(REVISION, "default") != "default":
        yield not_honoured(f"{at}[{REVISION}]", f"{_ONE_ISTIOD}; {consequence}")
