"""Typed views of what the kubelet and the controllers read of a Pod, with Kubernetes' defaults.

Only what the local mesh honours is here; `workloads.review` names the rest to the user. Field names and defaults are
those of the core/v1 API.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localmesh.core.objects import Object, annotations_of
from localmesh.kinds.messages import message

WITH_PODS = ("Pod", "Deployment", "ReplicaSet")
"""Kinds that are pods or make them from a template."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef:
    """A key of a ConfigMap."""

    name: str = ""
    key: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef:
    """A field of the pod itself."""

    field_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom:
    """Where a variable's value is taken from."""

    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    """An environment variable; `$(NAME)` in `value` names one that stands before it."""

    name: str
    value: str = ""
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFrom:
    """A ConfigMap whose keys all become variables."""

    prefix: str = ""
    config_map_ref: KeyRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """A port on which the container listens."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHeader:
    """A header that a probe sends."""

    name: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGet:
    """A GET that must answer 200 to 399."""

    port: int | str
    path: str = "/"
    http_headers: tuple[HttpHeader, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSocket:
    """A port that must accept a connection."""

    port: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that must exit 0."""

    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question put to a container again and again; times are in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Command | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """A pause."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleHandler:
    """What is done before a container is told to end."""

    sleep: Sleep | None = None
    exec: Command | None = None
    http_get: HttpGet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """A container's hooks."""

    pre_stop: LifecycleHandler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """Where a volume is asked for."""

    name: str
    mount_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container."""

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle = Lifecycle()
    volume_mounts: tuple[VolumeMount, ...] = ()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A folder that lives as long as the pod."""

    name: str
    empty_dir: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """What a pod is to run."""

    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    service_account_name: str = "default"
    hostname: str = ""


def spec_of(pod: Mapping[str, Any]) -> PodSpec:
    """Return the typed view of a pod's spec."""
    return message(PodSpec, pod["spec"], "spec")


def service_account_of(pod: Mapping[str, Any]) -> str:
    """Return the name of the account that a pod runs under."""
    return pod["spec"].get("serviceAccountName") or "default"


def images_of(obj: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the image of each container of a Pod or of a template, behind the path of its field."""
    spec, path = obj.get("spec") or {}, "spec"
    if "template" in spec:
        spec, path = spec["template"]["spec"], "spec.template.spec"
    if obj["kind"] in WITH_PODS:
        for index, container in enumerate(spec["containers"]):
            yield f"{path}.containers[{index}].image", container["image"]


def is_terminating(obj: Mapping[str, Any]) -> bool:
    """Tell whether the object was asked to go."""
    return "deletionTimestamp" in obj["metadata"]


def is_critical(pod: Mapping[str, Any]) -> bool:
    """Tell whether other pods need this one to their end: a node that shuts down ends those first."""
    return pod["spec"].get("priorityClassName") in ("system-cluster-critical", "system-node-critical")


def is_finished(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod's containers have all ended for good."""
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def status_of(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's status, {} when it has none that can be read: others write it too."""
    status = obj.get("status")
    return status if isinstance(status, Mapping) else {}


def condition_of(obj: Mapping[str, Any], type_: str) -> Object | None:
    """Return the condition of a type in an object's status."""
    conditions = status_of(obj).get("conditions")
    if not isinstance(conditions, list):
        return None
    readable = (condition for condition in conditions if isinstance(condition, dict))
    return next((condition for condition in readable if condition.get("type") == type_), None)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod's condition Ready is true."""
    ready = condition_of(pod, "Ready")
    return ready is not None and ready.get("status") == "True"


def default_container(pod: Mapping[str, Any]) -> str:
    """Return the container that is meant when a request names none."""
    return annotations_of(pod).get(DEFAULT_CONTAINER) or pod["spec"]["containers"][0]["name"]
