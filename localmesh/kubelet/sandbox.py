"""A pod's sandbox: its folder, its local ports and its network, before any container starts."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from localmesh.core.objects import Object, key_of
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.injection import is_injected
from localmesh.kinds.kubernetes.pods import Container, PodSpec, spec_of
from localmesh.kubelet.environment import Folders
from localmesh.kubelet.folders import remove_folder
from localmesh.kubelet.images import Image
from localmesh.kubelet.network import Network, NetworkProxy
from localmesh.kubelet.node import Node
from localmesh.kubelet.signal_scope import SignalScope

SHOWN = 150
"""Characters of a pod's name in its folder's, for which file systems have 255."""


class Sandbox(Struct):
    """What a pod's containers share."""

    node: Node
    folder: Path
    network: NetworkProxy
    scope: SignalScope

    @classmethod
    async def create(cls, node: Node, pod: Object) -> "Sandbox":
        """Make all that a pod has before its containers, or leave nothing. Raises NoFreePortError, OSError."""
        folder, scope = _folder(node, pod), SignalScope()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(node, folder, await _open_network(node, pod), scope)
        except BaseException:
            scope.close()
            remove_folder(folder)
            raise

    @property
    def addresses(self) -> PodAddresses:
        """The pod's ports on loopback."""
        return self.network.network.addresses

    def extend(self, pod: Object, more: Iterable[int] = ()) -> PodAddresses:
        """Take ports for what the pod's containers serve by now and for `more`. Raises NoFreePortError."""
        with _Lease(self.node) as lease:
            self.network.network.addresses = _addresses(lease, pod, self.addresses, more)
        return self.addresses

    async def remove(self) -> None:
        """Close the network, give the ports back and delete the folder."""
        self.scope.close()
        await self.network.stop()
        _give_back(self.node, self.addresses)
        if self.addresses.admin is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.addresses.admin)  # noqa: PTH108 - what a coroutine may do with a path
        await asyncio.to_thread(remove_folder, self.folder)

    def folders(self, spec: PodSpec, container: Container) -> Folders:
        """Return a container's own folders, made if need be."""
        home = self.folder / "containers" / container.name
        tmp = home / "tmp"
        shared = {volume.name for volume in spec.volumes if volume.empty_dir is not None}
        for mount in container.volume_mounts:
            if mount.mount_path.rstrip("/") == "/tmp" and mount.name in shared:
                tmp = self.folder / "volumes" / mount.name
        logs = self.folder / "logs" / container.name
        for folder in (home, tmp, logs):
            folder.mkdir(parents=True, exist_ok=True)
        return Folders(home, tmp, logs)


def image_of(node: Node, container: Container) -> Image | None:
    """Return what stands for a container's image, None when nothing does."""
    return node.images.find(container.image)


def ports_of(node: Node, container: Container) -> tuple[int, ...]:
    """Return the container ports on which an application listens: those declared, else the one its image exposes.

    A proxy has none: its listeners come with its configuration.
    """
    image = image_of(node, container)
    if image is not None and image.is_proxy:
        return ()
    declared = tuple(port.container_port for port in container.ports if port.protocol == "TCP")
    return declared or ((image.port,) if image is not None and image.port else ())


def _folder(node: Node, pod: Object) -> Path:
    metadata = pod["metadata"]
    return node.folder / f"{metadata['namespace']}_{metadata['name'][:SHOWN]}_{metadata['uid']}"


def _admin_socket(node: Node, pod: Object) -> str:
    """Return the socket of a pod's Envoy: short, whatever the pod is called."""
    digest = hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()[:12]
    return str(node.sockets / f"admin-{digest}")


class _Lease:
    """Ports that are taken together, or not at all."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._taken: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for port in self._taken:
                self.node.ports.give_back(port)

    def take(self) -> int:
        """Take one more. Raises NoFreePortError."""
        self._taken.append(self.node.ports.take())
        return self._taken[-1]


async def _open_network(node: Node, pod: Object) -> NetworkProxy:
    """Take the pod's ports and serve its network on one of them. Raises NoFreePortError, OSError."""
    while True:
        try:
            with _Lease(node) as lease:
                addresses = _addresses(lease, pod, PodAddresses())
                network = NetworkProxy(Network(node.store, key_of(pod), addresses))
                await network.start(addresses.network or 0)
                return network
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # somebody was faster: there are others
                raise


def _addresses(lease: _Lease, pod: Object, before: PodAddresses, more: Iterable[int] = ()) -> PodAddresses:
    """Return the pod's addresses: those that it had before, and new ones for what it has not."""
    containers = spec_of(pod).containers
    served = (port for container in containers for port in ports_of(lease.node, container))
    ports = dict.fromkeys((*served, *more))
    has_sidecar = is_injected(pod)
    has_proxy = any(
        (image := image_of(lease.node, container)) is not None and image.is_proxy for container in containers
    )
    app = {port: lease.take() for port in ports if port not in before.app}
    inbound = {port: lease.take() for port in ports if has_sidecar and port not in before.inbound}
    return PodAddresses(
        app={**before.app, **app},
        inbound={**before.inbound, **inbound},
        http_proxy=before.http_proxy or (lease.take() if has_sidecar else None),
        admin=before.admin or (_admin_socket(lease.node, pod) if has_proxy else None),
        network=before.network or lease.take(),
    )


def _give_back(node: Node, addresses: PodAddresses) -> None:
    for port in _all_ports(addresses):
        node.ports.give_back(port)


def _all_ports(addresses: PodAddresses) -> Iterator[int]:
    yield from addresses.app.values()
    yield from addresses.inbound.values()
    yield from (port for port in (addresses.http_proxy, addresses.network) if port is not None)
