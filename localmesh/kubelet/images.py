"""Which program stands for which image: `images.yaml`, and what a user adds to it."""

import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from localmesh.core.errors import MeshError
from localmesh.kinds.kubernetes.pods import Container

OWN = Path(__file__).with_name("images.yaml")


@dataclass(frozen=True, slots=True)
class Image:
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


@dataclass(frozen=True, slots=True)
class Images:
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


class _Entry(BaseModel):
    """One image in a file."""

    model_config = ConfigDict(extra="forbid")

    module: str | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    port: int | None = Field(default=None, ge=1, le=65535)
    proxy: bool = False

    @model_validator(mode="after")
    def _names_one_program(self) -> "_Entry":
        if self.module is not None and self.command:
            raise ValueError("module and command exclude each other")
        return self

    def to_image(self) -> Image:
        # -P: the container's folder, where the process starts, is no place to import from.
        module = (sys.executable, "-u", "-P", "-m", self.module) if self.module is not None else self.command
        return Image(module, self.args, self.env, self.port, self.proxy)


_FILE = TypeAdapter(dict[str, _Entry])


def _read(file: Path) -> dict[str, Image]:
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        entries = _FILE.validate_python(content or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise MeshError(f"{file}: {where}: {first['msg']} (localmesh/kubelet/images.yaml shows the form)") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise MeshError(f"{file}: cannot be read: {error}") from error
    return {repository(name): entry.to_image() for name, entry in entries.items()}


def repository(image: str) -> str:
    """Return the repository in an image's name: `docker.io/istio/proxyv2:1.31.1` is `istio/proxyv2`."""
    path = image.partition("@")[0]
    head, _, name = path.rpartition("/")
    name = name.partition(":")[0]
    owner = head.rpartition("/")[2]
    is_registry = "/" not in head and any(sign in owner for sign in ".:")
    return name if not owner or owner == "library" or is_registry else f"{owner}/{name}"
