"""Which program stands for which image: `images.yaml`, and what a user adds to it."""

import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from localmesh.core.errors import MeshError
from localmesh.core.manifests import document_of
from localmesh.kinds.kubernetes.pods import Container
from localmesh.kinds.review import Problem
from localmesh.kinds.schema.decode import decode_by
from localmesh.kinds.schema.definitions import Schema

OWN = Path(__file__).with_name("images.yaml")


class Image(Struct, frozen=True):
    """What an image's own configuration would say."""

    command: tuple[str, ...] = ()
    """Its ENTRYPOINT: replaced by a container's `command`."""

    args: tuple[str, ...] = ()
    """Its CMD: replaced by a container's `args`, or dropped with a `command`."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that are baked in: a container's own overrule them."""

    port: int | None = None
    """The port it exposes: that of a container that declares none."""

    is_proxy: bool = False
    """Whether it is Istio's proxy: its command is prepared for each pod."""

    def argv(self, container: Container) -> tuple[str, ...]:
        """Return the command line of a container of this image."""
        if container.command:
            return container.command + container.args
        return self.command + (container.args or self.args)


class Images(Struct, frozen=True):
    """All images that something stands for."""

    by_repository: Mapping[str, Image]
    """Registry, tag and digest do not matter."""

    @classmethod
    def load(cls, additions: Iterable[Path] = ()) -> "Images":
        """Read the project's own table and a user's; the last one that names an image counts. Raises MeshError."""
        known: dict[str, Image] = {}
        for file in (OWN, *additions):
            known |= _read(file)
        return cls(known)

    def find(self, image: str) -> Image | None:
        """Return what stands for an image, None when nothing does."""
        return self.by_repository.get(repository(image))

    def missing(self, image: str) -> str:
        """Return why an image cannot run and what can be done about it, "" when it can."""
        if self.find(image) is not None:
            return ""
        known = textwrap.shorten(", ".join(sorted(self.by_repository)), 160, placeholder=f" … (all: {OWN.name})")
        return (
            f'nothing stands for the image "{image}" in the local mesh, which knows: {known}; a line in'
            " .mesh/images.yaml (or mesh up --images FILE) names a program of this machine for another one"
        )


_ENTRY = {
    "type": "object",
    "properties": {
        "module": {"type": "string"},
        "command": {"type": "array", "items": {"type": "string"}},
        "args": {"type": "array", "items": {"type": "string"}},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "proxy": {"type": "boolean"},
    },
    "atMostOne": [["module", "command"]],
}
"""One image in a file."""

_FILE = Schema({"type": "object", "additionalProperties": _ENTRY})


def _read(file: Path) -> dict[str, Image]:
    try:
        decoded = decode_by(_FILE, document_of(file), takes_null=True)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise MeshError(f"{file}: cannot be read: {error}") from error
    unknown = (Problem(path, "there is no such field") for path in decoded.unknown)
    if complaint := next(iter((*decoded.problems, *unknown)), None):
        raise MeshError(f"{file}: {complaint} (localmesh/kubelet/images.yaml shows the form)")
    return {repository(str(name)): _image(entry) for name, entry in decoded.object.items()}


def _image(entry: Mapping[str, Any]) -> Image:
    command = entry.get("command", ())
    if "module" in entry:
        # -P: the container's folder, where the process starts, is no place to import from.
        command = (sys.executable, "-u", "-P", "-m", entry["module"])
    args, env = tuple(entry.get("args", ())), entry.get("env", {})
    return Image(tuple(command), args, env, entry.get("port"), entry.get("proxy", False))


def repository(image: str) -> str:
    """Return the repository in an image's name: `docker.io/istio/proxyv2:1.31.1` is `istio/proxyv2`."""
    path = image.partition("@")[0]
    head, _, name = path.rpartition("/")
    name = name.partition(":")[0]
    owner = head.rpartition("/")[2]
    is_registry = "/" not in head and any(sign in owner for sign in ".:")
    return name if not owner or owner == "library" or is_registry else f"{owner}/{name}"
