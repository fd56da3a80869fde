"""Typed views of what the kubelet and the controllers read of a Pod, with Kubernetes' defaults.

Only what the local mesh honours is here; `workloads.review` names the rest to the user. Field names and defaults are
those of the core/v1 API.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from localmesh.core.objects import Object, annotations_of

WITH_PODS = ("Pod", "Deployment", "ReplicaSet")
"""Kinds that are pods or make them from a template."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", populate_by_name=True)


class KeyRef(_Part):
    """A key of a ConfigMap."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(_Part):
    """A field of the pod itself."""

    field_path: str


class ValueFrom(_Part):
    """Where a variable's value is taken from."""

    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None


class EnvVar(_Part):
    """An environment variable; `$(NAME)` in `value` names one that stands before it."""

    name: str
    value: str = ""
    value_from: ValueFrom | None = None


class EnvFrom(_Part):
    """A ConfigMap whose keys all become variables."""

    prefix: str = ""
    config_map_ref: KeyRef | None = None


class ContainerPort(_Part):
    """A port on which the container listens."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class HttpHeader(_Part):
    """A header that a probe sends."""

    name: str
    value: str = ""


class HttpGet(_Part):
    """A GET that must answer 200 to 399."""

    port: int | str
    path: str = "/"
    http_headers: tuple[HttpHeader, ...] = ()


class TcpSocket(_Part):
    """A port that must accept a connection."""

    port: int | str


class Command(_Part):
    """A command that must exit 0."""

    command: tuple[str, ...] = ()


class Probe(_Part):
    """A question put to a container again and again; times are in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    exec: Command | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Sleep(_Part):
    """A pause."""

    seconds: int


class LifecycleHandler(_Part):
    """What is done before a container is told to end."""

    sleep: Sleep | None = None
    exec: Command | None = None
    http_get: HttpGet | None = None


class Lifecycle(_Part):
    """A container's hooks."""

    pre_stop: LifecycleHandler | None = None


class VolumeMount(_Part):
    """Where a volume is asked for."""

    name: str
    mount_path: str


class Container(_Part):
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


class Volume(_Part):
    """A folder that lives as long as the pod."""

    name: str
    empty_dir: dict[str, Any] | None = None


class PodSpec(_Part):
    """What a pod is to run."""

    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    service_account_name: str = "default"
    hostname: str = ""


def spec_of(pod: Mapping[str, Any]) -> PodSpec:
    """Return the typed view of a pod's spec."""
    return PodSpec.model_validate(pod["spec"])


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
