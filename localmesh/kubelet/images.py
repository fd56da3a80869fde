"""Which command stands for which image: the one table. There are no images here, only programs of this machine."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from localmesh.kinds.kubernetes.pods import Container


@dataclass(frozen=True, slots=True)
class Image:
    """What an image's own configuration would say."""

    entrypoint: tuple[str, ...] = ()
    """Replaced by a container's `command`."""

    cmd: tuple[str, ...] = ()
    """Replaced by a container's `args`, or dropped with a `command`."""

    port: int | None = None
    """The port it exposes: that of a container that declares none."""

    is_proxy: bool = False
    """Whether it is Istio's proxy: its command is prepared for each pod."""

    def argv(self, container: Container) -> tuple[str, ...]:
        """Return the command line of a container of this image."""
        if container.command:
            return container.command + container.args
        return self.entrypoint + (container.args or self.cmd)


def _service(name: str, port: int) -> Image:
    # -P: the container's folder, where the process starts, is no place to import from.
    return Image(entrypoint=(sys.executable, "-u", "-P", "-m", f"services.{name}"), port=port)


IMAGES: Mapping[str, Image] = {
    "istioinaction/catalog": _service("catalog", 3000),
    "istioinaction/webapp": _service("webapp", 8080),
    "istio/proxyv2": Image(is_proxy=True),
    "nicolaka/netshoot": Image(cmd=("sh",)),
}
"""By repository; registry, tag and digest do not matter."""


def repository(image: str) -> str:
    """Return the repository in an image's name: `docker.io/istio/proxyv2:1.31.1` is `istio/proxyv2`."""
    path = image.partition("@")[0]
    head, _, name = path.rpartition("/")
    name = name.partition(":")[0]
    owner = head.rpartition("/")[2]
    is_registry = "/" not in head and any(sign in owner for sign in ".:")
    return name if not owner or is_registry else f"{owner}/{name}"
