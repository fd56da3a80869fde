"""A pod's sandbox: its folder, its local ports and its network, before any container starts."""

import errno
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localmesh.core.objects import Object, key_of
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.injection import is_injected
from localmesh.kinds.kubernetes.pods import Container, PodSpec, spec_of
from localmesh.kubelet.environment import Folders
from localmesh.kubelet.images import Image
from localmesh.kubelet.network import Network, NetworkProxy
from localmesh.kubelet.node import Node


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a pod's containers share."""

    folder: Path
    addresses: PodAddresses
    network: NetworkProxy

    @classmethod
    async def create(cls, node: Node, pod: Object) -> "Sandbox":
        """Make the folder, take ports and open the network. Raises NoFreePortError, OSError."""
        folder = _folder(node, pod)
        folder.mkdir(mode=0o700, parents=True)
        while True:
            addresses = _addresses(node, pod)
            network = NetworkProxy(Network(node.store, key_of(pod), addresses))
            try:
                await network.start(addresses.network or 0)
            except OSError as error:
                _give_back(node, addresses)
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return cls(folder, addresses, network)

    async def remove(self, node: Node) -> None:
        """Close the network, give the ports back and delete the folder."""
        await self.network.stop()
        _give_back(node, self.addresses)
        shutil.rmtree(self.folder, ignore_errors=True)

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
    return node.folder / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"


def _addresses(node: Node, pod: Object) -> PodAddresses:
    containers = spec_of(pod).containers
    ports = dict.fromkeys(port for container in containers for port in ports_of(node, container))
    has_sidecar = is_injected(pod)
    has_proxy = any((image := image_of(node, each)) is not None and image.is_proxy for each in containers)
    take = node.ports.take
    return PodAddresses(
        app={port: take() for port in ports},
        inbound={port: take() for port in ports} if has_sidecar else {},
        http_proxy=take() if has_sidecar else None,
        admin=take() if has_proxy else None,
        network=take(),
    )


def _give_back(node: Node, addresses: PodAddresses) -> None:
    for port in _all_ports(addresses):
        node.ports.give_back(port)


def _all_ports(addresses: PodAddresses) -> Iterator[int]:
    yield from addresses.app.values()
    yield from addresses.inbound.values()
    yield from (port for port in (addresses.http_proxy, addresses.admin, addresses.network) if port is not None)
