"""Typed views of what the kubelet and the controllers read of a Pod, with Kubernetes' defaults.

Only what the local mesh honours is here; `workloads.review` names the rest to the user. Field names and defaults are
those of the core/v1 API.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from localmesh.core.objects import Object, annotations_of
from localmesh.kinds.messages import message

WITH_PODS = ("Pod", "Deployment", "ReplicaSet")
"""Kinds that are pods or make them from a template."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class KeyRef(Struct, frozen=True, kw_only=True):
    """A key of a ConfigMap."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(Struct, frozen=True, kw_only=True):
    """A field of the pod itself."""

    field_path: str


class ValueFrom(Struct, frozen=True, kw_only=True):
    """Where a variable's value is taken from."""

    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None


class EnvVar(Struct, frozen=True, kw_only=True):
    """An environment variable; `$(NAME)` in `value` names one that stands before it."""

    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class EnvFrom(Struct, frozen=True, kw_only=True):
    """A ConfigMap whose keys all become variables."""

    prefix: str = ""
    config_map_ref: KeyRef | None = None


class ContainerPort(Struct, frozen=True, kw_only=True):
    """A port on which the container listens."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class HttpHeader(Struct, frozen=True, kw_only=True):
    """A header that a probe sends."""

    name: str
    value: str = ""


class HttpGet(Struct, frozen=True, kw_only=True):
    """A GET that must answer 200 to 399."""

    port: int | str
    path: str = "/"
    http_headers: tuple[HttpHeader, ...] = ()


class TcpSocket(Struct, frozen=True, kw_only=True):
    """A port that must accept a connection."""

    port: int | str


class Command(Struct, frozen=True, kw_only=True):
    """A command that must exit 0."""

    command: tuple[str, ...] = ()


class Probe(Struct, frozen=True, kw_only=True):
    """A question put to a container again and again; times are in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Command | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Sleep(Struct, frozen=True, kw_only=True):
    """A pause."""

    seconds: int


class LifecycleHandler(Struct, frozen=True, kw_only=True):
    """What is done before a container is told to end."""

    sleep: Sleep | None = None
    exec: Command | None = None
    http_get: HttpGet | None = None


class Lifecycle(Struct, frozen=True, kw_only=True):
    """A container's hooks."""

    pre_stop: LifecycleHandler | None = None


class VolumeMount(Struct, frozen=True, kw_only=True):
    """Where a volume is asked for."""

    name: str
    mount_path: str


class Container(Struct, frozen=True, kw_only=True):
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


class Volume(Struct, frozen=True, kw_only=True):
    """A folder that lives as long as the pod."""

    name: str
    empty_dir: Mapping[str, Any] | None = None


class PodSpec(Struct, frozen=True, kw_only=True):
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
