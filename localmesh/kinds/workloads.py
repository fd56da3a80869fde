"""Admission of Pods, Deployments, ReplicaSets and Services: Kubernetes' own rules, and what is not honoured here.

Each field is in one of three classes: honoured by the kubelet and the controllers; inert, because it changes neither
traffic nor results on a laptop (scheduling, security, resources …); or neither, which is answered with a warning.
A field in no list is warned about, so a new Kubernetes field is never dropped in silence.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localmesh.kinds.addresses import ADMIN_PORT
from localmesh.kinds.objects import Object, selects
from localmesh.kinds.review import Problem, Review

HONOURED_POD = frozenset(
    ("containers", "volumes", "restartPolicy", "terminationGracePeriodSeconds", "serviceAccountName", "serviceAccount",
     "hostname", "nodeName")
)  # fmt: skip
INERT_POD = frozenset(
    ("affinity", "automountServiceAccountToken", "dnsPolicy", "enableServiceLinks", "imagePullSecrets", "nodeSelector",
     "os", "overhead", "preemptionPolicy", "priority", "priorityClassName", "resources", "runtimeClassName",
     "schedulerName", "securityContext", "tolerations", "topologySpreadConstraints")
)  # fmt: skip
HONOURED_CONTAINER = frozenset(
    ("name", "image", "command", "args", "env", "envFrom", "ports", "startupProbe", "readinessProbe", "livenessProbe",
     "lifecycle", "volumeMounts")
)  # fmt: skip
INERT_CONTAINER = frozenset(
    ("imagePullPolicy", "resources", "resizePolicy", "securityContext", "terminationMessagePath",
     "terminationMessagePolicy")
)  # fmt: skip
HONOURED_SERVICE = frozenset(("clusterIP", "clusterIPs", "ports", "publishNotReadyAddresses", "selector", "type"))
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
    "externalName": "there is no DNS here, and calls to this name fail",
}
FIELD_PATHS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_MAPS = ("metadata.labels['", "metadata.annotations['")
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
MAX_PORT = 65535


def review(obj: Object) -> Review:
    """Return what is wrong with a workload or a Service, and what of it the local mesh will not do."""
    rules = {
        "Pod": _pod,
        "Deployment": _deployment,
        "ReplicaSet": _replica_set,
        "Service": _service,
    }.get(obj["kind"])
    if rules is None:
        return Review()
    return _collected(rules(obj))


def _collected(found: Iterator[Problem | str]) -> Review:
    said = list(found)
    problems = tuple(each for each in said if isinstance(each, Problem))
    warnings = tuple(dict.fromkeys(each for each in said if isinstance(each, str)))
    return Review(problems, warnings)


def _pod(obj: Object) -> Iterator[Problem | str]:
    yield from _pod_spec(obj.get("spec") or {}, "spec")


def _deployment(obj: Object) -> Iterator[Problem | str]:
    spec = obj.get("spec") or {}
    yield from _scaled(spec)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
        yield Problem(
            "spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        )
    rolling = strategy.get("rollingUpdate") or {}
    if all(str(rolling.get(name, "25%")) in ("0", "0%") for name in ("maxSurge", "maxUnavailable")):
        yield Problem(
            "spec.strategy.rollingUpdate.maxUnavailable", "Invalid value: 0: may not be 0 when `maxSurge` is 0"
        )


def _replica_set(obj: Object) -> Iterator[Problem | str]:
    yield from _scaled(obj.get("spec") or {})


def _scaled(spec: Object) -> Iterator[Problem | str]:
    """What Deployments and ReplicaSets share: replicas, a selector and a template that it selects."""
    if spec.get("replicas", 1) < 0:
        yield Problem("spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0")
    yield from _selector(spec)
    pod = (spec.get("template") or {}).get("spec") or {}
    yield from _pod_spec(pod, "spec.template.spec")
    policy = pod.get("restartPolicy", "Always")
    if policy != "Always":
        yield Problem("spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": supported values: "Always"')


def _selector(spec: Object) -> Iterator[Problem | str]:
    selector = spec.get("selector") or {}
    wanted = selector.get("matchLabels") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if selector.get("matchExpressions"):
        yield Problem("spec.selector.matchExpressions", "Forbidden: the local mesh selects by matchLabels only")
    elif not wanted:
        yield Problem("spec.selector", "Required value: name in matchLabels the labels of the template")
    elif not selects(wanted, labels):
        yield Problem(
            "spec.template.metadata.labels", f"Invalid value: {labels}: `selector` does not match template `labels`"
        )


def _pod_spec(spec: Object, at: str) -> Iterator[Problem | str]:
    containers = spec.get("containers") or []
    if not containers:
        yield Problem(f"{at}.containers", "Required value: a pod runs at least one container")
    yield from _unique([each.get("name", "") for each in containers], f"{at}.containers", "name")
    volumes = {volume.get("name", ""): volume for volume in spec.get("volumes") or []}
    for index, container in enumerate(containers):
        yield from _container(container, f"{at}.containers[{index}]", volumes)
    yield from _ignored(spec, at, HONOURED_POD | INERT_POD)
    for index, volume in enumerate(spec.get("volumes") or []):
        for kind in volume.keys() - {"name", "emptyDir"}:
            yield _warning(f"{at}.volumes[{index}].{kind}", "only emptyDir is, so its files are not there")


def _container(container: Object, at: str, volumes: Mapping[str, Object]) -> Iterator[Problem | str]:
    for name in ("name", "image"):
        if not container.get(name):
            yield Problem(f"{at}.{name}", "Required value")
    yield from _ignored(container, at, HONOURED_CONTAINER | INERT_CONTAINER)
    yield from _ports(container, at)
    yield from _variables(container, at)
    yield from _mounts(container, at, volumes)
    for name in _PROBES:
        if probe := container.get(name):
            yield from _probe(probe, f"{at}.{name}")
    yield from _lifecycle(container.get("lifecycle") or {}, f"{at}.lifecycle")


def _ports(container: Object, at: str) -> Iterator[Problem | str]:
    ports = container.get("ports") or []
    yield from _unique([port["name"] for port in ports if port.get("name")], f"{at}.ports", "name")
    for index, port in enumerate(ports):
        here = f"{at}.ports[{index}]"
        yield from _port_number(port.get("containerPort", 0), f"{here}.containerPort")
        if port.get("containerPort") == ADMIN_PORT and container.get("name") != "istio-proxy":
            yield _warning(f"{here}.containerPort", f"{ADMIN_PORT} is the sidecar's admin page, so this port is hidden")
        for name in ("hostPort", "hostIP"):
            if port.get(name):
                yield _warning(f"{here}.{name}", "pods are reached through Services and kubectl port-forward")
        if port.get("protocol", "TCP") != "TCP":
            yield _warning(f"{here}.protocol", "only TCP is")


def _variables(container: Object, at: str) -> Iterator[Problem | str]:
    for index, variable in enumerate(container.get("env") or []):
        here = f"{at}.env[{index}]"
        if not variable.get("name"):
            yield Problem(f"{here}.name", "Required value")
        source = variable.get("valueFrom") or {}
        path = (source.get("fieldRef") or {}).get("fieldPath")
        if path is not None and path not in FIELD_PATHS and not path.startswith(_MAPS):
            supported = ", ".join(f'"{each}"' for each in FIELD_PATHS)
            yield Problem(
                f"{here}.valueFrom.fieldRef.fieldPath", f'Unsupported value: "{path}": supported: {supported}'
            )
        for kind in source.keys() - {"fieldRef", "configMapKeyRef"}:
            yield _warning(f"{here}.valueFrom.{kind}", "the variable is left out")
    for index, source in enumerate(container.get("envFrom") or []):
        if source.get("secretRef"):
            yield _warning(f"{at}.envFrom[{index}].secretRef", "there are no Secrets here; a ConfigMap is read")


def _mounts(container: Object, at: str, volumes: Mapping[str, Object]) -> Iterator[Problem | str]:
    for index, mount in enumerate(container.get("volumeMounts") or []):
        here = f"{at}.volumeMounts[{index}]"
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if name not in volumes:
            yield Problem(f"{here}.name", f'Not found: "{name}"')
        elif "emptyDir" in volumes[name] and path.rstrip("/") != "/tmp":
            yield _warning(f"{here}.mountPath", f"{path} is the machine's own; only /tmp is given, by TMPDIR")


def _probe(probe: Object, at: str) -> Iterator[Problem | str]:
    handlers = [name for name in _HANDLERS if probe.get(name)]
    if len(handlers) != 1:
        yield Problem(at, f"Required value: must specify one handler type of {', '.join(_HANDLERS)}")
    if "grpc" in handlers:
        yield Problem(f"{at}.grpc", "Forbidden: the local mesh probes by httpGet, tcpSocket or exec")
    http = probe.get("httpGet") or {}
    if http.get("host"):
        yield _warning(f"{at}.httpGet.host", "the pod itself is asked")
    if http.get("scheme", "HTTP") != "HTTP":
        yield Problem(f"{at}.httpGet.scheme", f'Unsupported value: "{http["scheme"]}": supported values: "HTTP"')


def _lifecycle(lifecycle: Object, at: str) -> Iterator[Problem | str]:
    for name in lifecycle.keys() - {"preStop"}:
        yield _warning(f"{at}.{name}", "only preStop is")
    for name in (lifecycle.get("preStop") or {}).keys() - {"sleep", "exec", "httpGet"}:
        yield _warning(f"{at}.preStop.{name}", "only sleep, exec and httpGet are")


def _service(obj: Object) -> Iterator[Problem | str]:
    spec = obj.get("spec") or {}
    kind = spec.get("type", "ClusterIP")
    ports = spec.get("ports") or []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield Problem("spec.ports", "Required value")
    if len(ports) > 1:
        for index, port in enumerate(ports):
            if not port.get("name"):
                yield Problem(f"spec.ports[{index}].name", "Required value")
    yield from _unique([port["name"] for port in ports if port.get("name")], "spec.ports", "name")
    for index, port in enumerate(ports):
        yield from _service_port(port, f"spec.ports[{index}]", is_gateway="istio" in (spec.get("selector") or {}))
    yield from _ignored(spec, "spec", HONOURED_SERVICE | INERT_SERVICE)
    if kind == "LoadBalancer":
        yield _warning("spec.type", "there is no load balancer here; the Service is reached inside the mesh")


def _service_port(port: Object, at: str, *, is_gateway: bool) -> Iterator[Problem | str]:
    yield from _port_number(port.get("port", 0), f"{at}.port")
    if port.get("protocol", "TCP") != "TCP":
        yield _warning(f"{at}.protocol", "only TCP is")
    if port.get("nodePort") and not is_gateway:
        yield _warning(f"{at}.nodePort", "only the ingress gateway's Service listens on the machine")


def _ignored(part: Object, at: str, known: frozenset[str]) -> Iterator[str]:
    for name, value in part.items():
        if name not in known and value not in INERT_VALUES:
            yield _warning(f"{at}.{name}", REASONS.get(name, "it changes nothing"))


def _port_number(port: int, at: str) -> Iterator[Problem]:
    if not 0 < port <= MAX_PORT:
        yield Problem(at, f"Invalid value: {port}: must be between 1 and {MAX_PORT}, inclusive")


def _unique(names: list[str], at: str, field: str) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"{at}[{index}].{field}", f'Duplicate value: "{name}"')


def _warning(field: str, reason: str) -> str:
    return f"{field}: not honoured by the local mesh: {reason}"
