"""What the local mesh does not do of Pods, Deployments, ReplicaSets and Services that a cluster would take.

Each field is in one of three classes: honoured by the kubelet and the controllers; inert, because it changes neither
traffic nor results on a laptop (scheduling, security, resources …); or neither, which is answered with a warning.
A field in no list is warned about, so a new Kubernetes field is never dropped in silence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localmesh.core.objects import Object
from localmesh.kinds.addresses import ADMIN_PORT
from localmesh.kinds.kubernetes.ports import Protocol, protocol_of
from localmesh.kinds.marks import namespace_marks, pod_marks, service_marks
from localmesh.kinds.review import Problem, Review, not_honoured

HONOURED_POD = frozenset(
    ("containers", "volumes", "restartPolicy", "terminationGracePeriodSeconds", "serviceAccountName", "serviceAccount",
     "hostname")
)  # fmt: skip
INERT_POD = frozenset(
    ("affinity", "automountServiceAccountToken", "dnsPolicy", "enableServiceLinks", "imagePullSecrets", "nodeName",
     "nodeSelector", "os", "overhead", "preemptionPolicy", "priority", "priorityClassName", "resources",
     "runtimeClassName", "schedulerName", "securityContext", "tolerations", "topologySpreadConstraints")
)  # fmt: skip
HONOURED_CONTAINER = frozenset(
    ("name", "image", "command", "args", "env", "envFrom", "ports", "startupProbe", "readinessProbe", "livenessProbe",
     "lifecycle", "volumeMounts", "stdin", "stdinOnce", "tty")
)  # fmt: skip
INERT_CONTAINER = frozenset(
    ("imagePullPolicy", "resources", "resizePolicy", "securityContext", "terminationMessagePath",
     "terminationMessagePolicy")
)  # fmt: skip
HONOURED_SERVICE = frozenset(
    ("clusterIP", "clusterIPs", "externalName", "ports", "publishNotReadyAddresses", "selector", "type")
)
INERT_SERVICE = frozenset(
    ("allocateLoadBalancerNodePorts", "externalTrafficPolicy", "healthCheckNodePort", "internalTrafficPolicy",
     "ipFamilies", "ipFamilyPolicy", "sessionAffinityConfig", "trafficDistribution")
)  # fmt: skip
INERT_VALUES: tuple[Any, ...] = (None, False, "", 0, [], {}, "None")
"""What Kubernetes writes for "not used": no reason for a warning."""

REASONS = {
    "initContainers": "they are not run",
    "hostNetwork": "each pod has free local ports on 127.0.0.1 in any case",
    "hostAliases": "names are those of Services",
    "dnsConfig": "names are those of Services",
    "activeDeadlineSeconds": "the pod runs until it ends or is deleted",
    "workingDir": "the process starts in a folder of its own",
    "sessionAffinity": "each request may go to another pod",
    "externalIPs": "nothing listens beyond loopback",
    "loadBalancerIP": "nothing listens beyond loopback",
}
MESH_NAME = ".svc.cluster.local"
"""The end of each Service's full name."""

OWN_VARIABLES = ("HOST", "PORT", "HTTP_PROXY", "http_proxy")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def review(obj: Object) -> Review:
    """Return what of a workload or a Service the local mesh refuses, and what of it it will not do.

    The object has passed `validation.validate`: it is one that a Kubernetes API server would take.
    """
    remarks = [*_marks(obj), *_remarks(obj["kind"], obj.get("spec") or {})]
    problems = tuple(remark for remark in remarks if isinstance(remark, Problem))
    warnings = tuple(dict.fromkeys(remark for remark in remarks if isinstance(remark, str)))
    return Review(problems, warnings)


def _marks(obj: Object) -> Iterator[Problem | str]:
    """Yield what Istio is told by annotations and labels, and is not done here."""
    match obj["kind"]:
        case "Pod":
            yield from pod_marks(obj["metadata"], "metadata")
        case "Deployment" | "ReplicaSet":
            yield from pod_marks(obj["spec"]["template"].get("metadata") or {}, "spec.template.metadata")
        case "Namespace":
            yield from namespace_marks(obj)
        case "Service":
            yield from service_marks(obj)


def _remarks(kind: str, spec: Object) -> Iterator[Problem | str]:
    match kind:
        case "Pod":
            yield from _pod(spec, "spec")
        case "Deployment" | "ReplicaSet":
            if spec["selector"].get("matchExpressions"):
                yield Problem("spec.selector.matchExpressions", "Forbidden: the local mesh selects by matchLabels only")
            yield from _pod(spec["template"]["spec"], "spec.template.spec")
        case "Service":
            yield from _service(spec)
        case "PodDisruptionBudget":
            yield not_honoured("spec", "nothing here evicts pods, so there is nothing to hold back")
        case "Endpoints" | "EndpointSlice":
            yield not_honoured("metadata", "a Service's endpoints are the pods that it selects, and no others")


def _pod(spec: Object, at: str) -> Iterator[Problem | str]:
    yield from _ignored(spec, at, HONOURED_POD | INERT_POD)
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or []}
    for index, container in enumerate(spec["containers"]):
        yield from _container(container, f"{at}.containers[{index}]", volumes)
    for index, volume in enumerate(volumes.values()):
        for kind in sorted(volume.keys() - {"name", "emptyDir"}):
            yield not_honoured(f"{at}.volumes[{index}].{kind}", "only emptyDir is, so its files are not there")


def _container(container: Object, at: str, volumes: Mapping[str, Object]) -> Iterator[Problem | str]:
    yield from _ignored(container, at, HONOURED_CONTAINER | INERT_CONTAINER)
    yield from _ports(container, at)
    yield from _variables(container, at)
    yield from _mounts(container, at, volumes)
    for name in PROBES:
        yield from _probe(container.get(name) or {}, f"{at}.{name}")
    yield from _lifecycle(container.get("lifecycle") or {}, f"{at}.lifecycle")


def _ports(container: Object, at: str) -> Iterator[str]:
    for index, port in enumerate(container.get("ports") or []):
        here = f"{at}.ports[{index}]"
        if port["containerPort"] == ADMIN_PORT and container["name"] != "istio-proxy":
            yield not_honoured(f"{here}.containerPort", f"{ADMIN_PORT} is the sidecar's admin page, which hides it")
        for name in ("hostPort", "hostIP"):
            if port.get(name):
                yield not_honoured(f"{here}.{name}", "pods are reached through Services and kubectl port-forward")
        if port.get("protocol", "TCP") != "TCP":
            yield not_honoured(f"{here}.protocol", "only TCP is")


def _variables(container: Object, at: str) -> Iterator[str]:
    for index, variable in enumerate(container.get("env") or []):
        here = f"{at}.env[{index}]"
        if variable["name"] in OWN_VARIABLES:
            yield not_honoured(here, "the process is told there where to listen, and where its calls go")
        for kind in sorted((variable.get("valueFrom") or {}).keys() - {"fieldRef", "configMapKeyRef"}):
            yield not_honoured(f"{here}.valueFrom.{kind}", "the variable is left out")
    for index, source in enumerate(container.get("envFrom") or []):
        if source.get("secretRef"):
            yield not_honoured(f"{at}.envFrom[{index}].secretRef", "there are no Secrets here; a ConfigMap is read")


def _mounts(container: Object, at: str, volumes: Mapping[str, Object]) -> Iterator[str]:
    for index, mount in enumerate(container.get("volumeMounts") or []):
        path = mount["mountPath"]
        if "emptyDir" in volumes.get(mount["name"], {}) and path.rstrip("/") != "/tmp":
            here = f"{at}.volumeMounts[{index}].mountPath"
            yield not_honoured(here, f"{path} is the machine's own; only /tmp is given, by TMPDIR")


def _probe(probe: Object, at: str) -> Iterator[Problem | str]:
    if "grpc" in probe:
        yield Problem(f"{at}.grpc", "Forbidden: the local mesh probes by httpGet, tcpSocket or exec")
    if "terminationGracePeriodSeconds" in probe:
        yield not_honoured(f"{at}.terminationGracePeriodSeconds", "the pod's own grace holds for restarts, too")
    http = probe.get("httpGet") or {}
    if http.get("host"):
        yield not_honoured(f"{at}.httpGet.host", "the pod itself is asked")
    if http.get("scheme", "HTTP") != "HTTP":
        yield Problem(f"{at}.httpGet.scheme", "probes over TLS are not supported by the local mesh: it asks over HTTP")


def _lifecycle(lifecycle: Object, at: str) -> Iterator[str]:
    for name in sorted(lifecycle.keys() - {"preStop"}):
        yield not_honoured(f"{at}.{name}", "only preStop is")
    for name in sorted((lifecycle.get("preStop") or {}).keys() - {"sleep", "exec", "httpGet"}):
        yield not_honoured(f"{at}.preStop.{name}", "only sleep, exec and httpGet are")


def _service(spec: Object) -> Iterator[str]:
    is_gateway = "istio" in (spec.get("selector") or {})
    if not spec.get("selector") and spec["type"] != "ExternalName":
        yield not_honoured("spec.selector", "a Service without one has no endpoints here: calls are answered with 503")
    yield from _ignored(spec, "spec", HONOURED_SERVICE | INERT_SERVICE)
    if not (spec.get("externalName") or MESH_NAME).endswith(MESH_NAME):
        yield not_honoured("spec.externalName", "there is no DNS here, and calls to this name fail")
    for index, port in enumerate(spec.get("ports") or []):
        here = f"spec.ports[{index}]"
        if port.get("protocol", "TCP") != "TCP":
            yield not_honoured(f"{here}.protocol", "only TCP is")
        elif not is_gateway:
            yield from _spoken(port, here)


def _spoken(port: Object, at: str) -> Iterator[str]:
    """Yield what a port takes in a cluster that does not get there here: whatever is no HTTP."""
    protocol, field = protocol_of(port), "appProtocol" if port.get("appProtocol") else "name"
    if protocol in (Protocol.TCP, Protocol.UDP):
        is_named = protocol_of(port | {"port": 0}) is not Protocol.SNIFFED
        named = repr(port[field]) if is_named else f"the number {port['port']}"
        yield not_honoured(f"{at}.{field}", f"{named} says that the port takes no HTTP, and nothing else gets there")
    elif protocol is Protocol.SNIFFED:
        yield not_honoured(f"{at}.{field}", "nothing says what the port takes, so only HTTP gets there")


def _ignored(part: Object, at: str, known: frozenset[str]) -> Iterator[str]:
    for name, value in part.items():
        if name not in known and value not in INERT_VALUES:
            yield not_honoured(f"{at}.{name}", REASONS.get(name, "it changes nothing"))
