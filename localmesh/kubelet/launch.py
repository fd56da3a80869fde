"""From a container's manifest to a command line, an environment and a process."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from localmesh.core.errors import MeshError
from localmesh.core.objects import Key, Object, key_of
from localmesh.core.places import Place
from localmesh.kinds.injection import is_injected
from localmesh.kinds.kubernetes.pods import Container, PodSpec, spec_of
from localmesh.kinds.resources import CONFIG_MAPS
from localmesh.kinds.service_ports import container_port
from localmesh.kubelet.children import IO, Child, spawn
from localmesh.kubelet.environment import (
    PATH,
    ConfigError,
    Folders,
    base_environment,
    command_line,
    leaves_tracing_alone,
    listening,
    manifest_environment,
    outbound_port,
    proxied,
)
from localmesh.kubelet.node import Node
from localmesh.kubelet.sandbox import Sandbox, image_of, ports_of

logger = logging.getLogger(__name__)

HOSTNAME = 63
"""Characters of a hostname, as Linux has it: longer names of pods are cut, as by the kubelet."""

PROXY_TOOLS = Path(__file__).with_name("proxy_tools")
"""What only a proxy's container has on its PATH."""


class CannotStartError(Exception):
    """A container cannot start; `reason` is what `kubectl get pods` shows."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Launch(Struct, frozen=True):
    """A container in its pod, as what is needed to start processes in it."""

    node: Node
    pod: Object
    sandbox: Sandbox
    container: Container
    spec: PodSpec
    folders: Folders

    @classmethod
    def of(cls, node: Node, pod: Object, sandbox: Sandbox, container: Container) -> "Launch":
        """Return what is needed for one container of a pod."""
        spec = spec_of(pod)
        return cls(node, pod, sandbox, container, spec, sandbox.folders(spec, container))

    async def argv(self) -> Sequence[str]:
        """Return the container's command line, for a proxy with its configuration written. Raises CannotStartError."""
        image = image_of(self.node, self.container)
        if image is None:
            raise CannotStartError("ErrImagePull", self.node.images.missing(self.container.image))
        if image.is_proxy:
            return await self._prepare_proxy()
        try:
            argv = command_line(image.argv(self.container), self._manifest())
        except ConfigError as error:
            raise CannotStartError("CreateContainerError", f"command: {error}") from error
        if not argv:
            raise CannotStartError("CreateContainerError", "no command specified")
        return argv

    async def _prepare_proxy(self) -> Sequence[str]:
        try:
            return await self.node.prepare_proxy(self.pod, self.sandbox.addresses)
        except MeshError as error:
            raise CannotStartError("CreateContainerError", f"the proxy cannot be prepared: {error}") from error
        except Exception as error:
            logger.exception("cannot prepare the proxy of %s", key_of(self.pod))
            raise CannotStartError("CreateContainerError", f"the proxy cannot be prepared: {error}") from error

    def environment(self) -> dict[str, str]:
        """Return the environment of the container's own process. Raises CannotStartError."""
        ports = ports_of(self.node, self.container)
        local = self.sandbox.addresses.app.get(ports[0]) if ports else None
        return listening(proxied(self._all(), outbound_port(self.sandbox.addresses)), local)

    def exec_environment(self) -> dict[str, str]:
        """Return the environment of a command that runs in the container beside its process."""
        return proxied(self._all(), self.sandbox.addresses.network)

    def spawn(self, argv: Sequence[str], environment: Mapping[str, str], **ends: IO) -> Child:
        """Start a process in the container; `ends` are its standard streams. Raises OSError, ValueError."""
        folder, guard, scope = self.folders.home, self.node.guard, self.sandbox.scope
        return spawn(argv, environment=environment, folder=folder, guard=guard, scope=scope, **ends)

    def local_port(self, port: int | str) -> Place | None:
        """Return the place behind a container port given by number or name."""
        number = container_port(self.pod, port)
        return self.sandbox.addresses.own().get(number) if number is not None else None

    def _all(self) -> dict[str, str]:
        hostname = self.spec.hostname or self.pod["metadata"]["name"][:HOSTNAME].rstrip("-.")
        image = image_of(self.node, self.container)
        baked_in = dict(image.env) if image is not None else {}
        if image is not None and image.is_proxy:
            baked_in["PATH"] = f"{PROXY_TOOLS}:{PATH}"
        own = baked_in | self._manifest()
        traced = is_injected(self.pod) and leaves_tracing_alone(own)
        return base_environment(self.folders, hostname) | (dict(self.node.tracing) if traced else {}) | own

    def _manifest(self) -> dict[str, str]:
        try:
            return manifest_environment(self.pod, self.container, self._config_map)
        except ConfigError as error:
            raise CannotStartError("CreateContainerConfigError", str(error)) from error

    def _config_map(self, name: str) -> Object | None:
        return self.node.store.find(CONFIG_MAPS, Key(self.pod["metadata"]["namespace"], name))
