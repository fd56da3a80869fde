"""The environment of a pod's processes: what the manifest says, and as little else as a container image would."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from localmesh.core.loopback import LOOPBACK
from localmesh.core.objects import Object, annotations_of, labels_of
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.kubernetes.pods import Container, EnvVar, KeyRef, spec_of

PATH = ":".join(
    (str(Path(sys.executable).parent), "/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
)
"""The project's own Python first, then the machine's tools: they stand for those of an image."""

MOST = 2 * 1024 * 1024
"""Characters that a container's variables, or its command, may have once all references are replaced: no more is
handed to a process (Linux: a quarter of the stack), and a few doubled twenty times would fill this machine."""

FindConfigMap = Callable[[str], Object | None]
"""Finds a ConfigMap in the pod's namespace."""

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_QUOTED = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")


class ConfigError(Exception):
    """A variable's value is not to be had (Kubernetes' CreateContainerConfigError)."""


class Folders(Struct, frozen=True):
    """A container's own places in the file system."""

    home: Path
    """Where its processes start."""

    tmp: Path
    """Its TMPDIR: an emptyDir mounted at /tmp, or a folder of its own."""

    logs: Path
    """What it wrote, one file for each run."""


def base_environment(folders: Folders, hostname: str) -> dict[str, str]:
    """Return what each process has: nothing of the user's own environment."""
    return {
        "PATH": PATH,
        "HOME": str(folders.home),
        "TMPDIR": str(folders.tmp),
        "HOSTNAME": hostname,
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }


def proxied(environment: Mapping[str, str], port: int | None) -> dict[str, str]:
    """Return the environment with an HTTP proxy on a local port; curl reads the lower-case name only."""
    if port is None:
        return dict(environment)
    url = f"http://{LOOPBACK}:{port}"
    # A pod's localhost is this machine's loopback, where only the mesh knows which port is meant.
    return {**environment, "HTTP_PROXY": url, "http_proxy": url, "PROXY_LOOPBACK": "true"}


def listening(environment: Mapping[str, str], local_port: int | None) -> dict[str, str]:
    """Return the environment of an application that is to listen on a local port in place of its container port."""
    if local_port is None:
        return dict(environment)
    return {**environment, "HOST": LOOPBACK, "PORT": str(local_port)}


def tracing_environment(port: int) -> dict[str, str]:
    """Return what has an application send its spans to a collector on a local port, past its sidecar."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # Traces begin at proxies: what reaches an application past them, like a command in its pod, is none.
        "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        # Five seconds by default: whoever looks for the trace of a request would look in vain.
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
        # For those that count, which a manifest has to ask for (OTEL_METRICS_EXPORTER): a minute by default.
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def leaves_tracing_alone(environment: Mapping[str, str]) -> bool:
    """Tell whether an application says nothing of where its spans go: that it counts says nothing of that."""
    return not any(name.startswith("OTEL_") and not name.startswith("OTEL_METRIC") for name in environment)


def outbound_port(addresses: PodAddresses) -> int | None:
    """Return where an application's own calls go: its sidecar if there is one, else the pod's network."""
    return addresses.http_proxy or addresses.network


def manifest_environment(pod: Object, container: Container, find: FindConfigMap) -> dict[str, str]:
    """Return the variables that the manifest names. Raises ConfigError."""
    variables: dict[str, str] = {}
    room = MOST
    for source in container.env_from:
        if source.config_map_ref:
            data = _data(source.config_map_ref, find)
            variables |= {f"{source.prefix}{name}": value for name, value in data.items()}
    for variable in container.env:
        value = _value(pod, variable, find)
        if value is not None:
            variables[variable.name] = expand(value, variables, room)
            room -= len(variables[variable.name])
    return variables


def command_line(words: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    """Return a command with its references replaced. Raises ConfigError."""
    expanded: list[str] = []
    room = MOST
    for word in words:
        expanded.append(expand(word, variables, room))
        room -= len(expanded[-1])
    return expanded


def expand(text: str, variables: Mapping[str, str], room: int = MOST) -> str:
    """Replace `$(NAME)` as Kubernetes does: unknown names stay as they are, `$$` is a dollar sign.

    Raises ConfigError when the values are longer than `room`.
    """

    def replacement(match: re.Match[str]) -> str:
        nonlocal room
        name = match[1]
        value = "$" if name is None else variables.get(name, match[0])
        room -= len(value)
        if room < 0:
            raise ConfigError(f"with all $(…) replaced it is too long for a process, at {match[0]}")
        return value

    return _REFERENCE.sub(replacement, text)


def _value(pod: Object, variable: EnvVar, find: FindConfigMap) -> str | None:
    source = variable.value_from
    if source is None:
        return variable.value
    if source.field_ref:
        return field_value(pod, source.field_ref.field_path)
    if reference := source.config_map_key_ref:
        data = _data(reference, find)
        if reference.key not in data and not reference.optional:
            raise ConfigError(f"couldn't find key {reference.key} in ConfigMap {reference.name}")
        return data.get(reference.key)
    return None  # admission has warned that such a variable is left out


def field_value(pod: Object, path: str) -> str:
    """Return a field of the pod for the downward API, "" for a label or annotation that it lacks."""
    if match := _QUOTED.match(path):
        values = labels_of(pod) if match[1] == "labels" else annotations_of(pod)
        return values.get(match[2], "")
    if path == "spec.serviceAccountName":
        return spec_of(pod).service_account_name
    if path in ("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"):
        return LOOPBACK
    value: Any = pod
    for name in path.split("."):
        value = value.get(name, {})
    return str(value or "")


def _data(reference: KeyRef, find: FindConfigMap) -> dict[str, str]:
    config_map = find(reference.name)
    if config_map is None:
        if reference.optional:
            return {}
        raise ConfigError(f'configmap "{reference.name}" not found')
    return config_map.get("data") or {}
