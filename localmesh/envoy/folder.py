"""The files that hold one Envoy's configuration: what is delivered to it, and the only record of that.

    bootstrap.json         read by Envoy itself, once
    cds.json lds.json      all clusters, all listeners
    rds/NAME.json          one route configuration each
    eds/NAME.json          the endpoints of one cluster each

Each file but the first is a DiscoveryResponse whose `version_info` is a hash of its content. A file is written beside
and moved into place, and one whose content stays is not touched.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from localmesh.envoy.resources import ReferenceKind, Resource, Resources

Kind = Literal["cds", "eds", "lds", "rds"]

TYPES: dict[Kind, str] = {
    "cds": "envoy.config.cluster.v3.Cluster",
    "eds": "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "lds": "envoy.config.listener.v3.Listener",
    "rds": "envoy.config.route.v3.RouteConfiguration",
}


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content: a DiscoveryResponse with resources of one kind."""

    kind: Kind
    name: str
    """The one resource's name, "" for the lists of all clusters and all listeners."""

    version: str
    """A hash of the resources: the same content has the same version everywhere."""

    content: bytes

    @classmethod
    def of(cls, kind: Kind, resources: Iterable[Resource], name: str = "") -> "Document":
        """Return the document that holds some resources."""
        typed = [{"@type": f"type.googleapis.com/{TYPES[kind]}", **resource} for resource in resources]
        listed = json.dumps(typed, sort_keys=True, separators=(",", ":"))
        version = hashlib.sha256(listed.encode()).hexdigest()[:16]
        return cls(kind, name, version, f'{{"version_info":"{version}","resources":{listed}}}'.encode())


def endpoint_documents(resources: Resources) -> list[Document]:
    """Return a document for each cluster's endpoints."""
    return [Document.of("eds", (resource,), name_of(resource)) for resource in resources.eds]


def route_documents(resources: Resources) -> list[Document]:
    """Return a document for each route configuration."""
    return [Document.of("rds", (resource,), name_of(resource)) for resource in resources.rds]


def name_of(resource: Resource) -> str:
    """Return a resource's name, whichever of the four kinds it is."""
    name: str = resource["cluster_name"] if "cluster_name" in resource else resource["name"]
    return name


@dataclass(frozen=True, slots=True)
class Folder:
    """One Envoy's folder."""

    root: Path
    """An absolute path, since Envoy is told of it."""

    changed: Callable[[Kind, str], None] = field(default=lambda _kind, _name: None, compare=False)
    """Called with a file's kind and name after it was written; see xds.XdsServer."""

    @property
    def bootstrap(self) -> Path:
        """The file that Envoy is started with."""
        return self.root / "bootstrap.json"

    def path(self, kind: Kind, name: str = "") -> Path:
        """Return where a kind's list, or one named resource of it, is kept."""
        return self.root / kind / f"{_slug(name)}.json" if name else self.root / f"{kind}.json"

    def write_all(self, resources: Resources) -> None:
        """Write a complete configuration, whatever is referred to before what refers to it."""
        self.write(endpoint_documents(resources))
        self.write([Document.of("cds", resources.cds)])
        self.write(route_documents(resources))
        self.write([Document.of("lds", resources.lds)])

    def write(self, documents: Iterable[Document]) -> None:
        """Write documents, but touch no file that holds its document already."""
        for document in documents:
            if not self.holds(document):
                replace(self.path(document.kind, document.name), document.content)
                self.changed(document.kind, document.name)

    def holds(self, document: Document) -> bool:
        """Tell whether a document is in its file."""
        return read(self.path(document.kind, document.name)) == document.content

    def put_aside(self, document: Document, previous: bytes | None) -> None:
        """Give a file its previous content back and keep the document beside it, where it is not served.

        A file that had none keeps the document: nothing better is known.
        """
        path = self.path(document.kind, document.name)
        replace(_aside(path), document.content)
        if previous is not None:
            replace(path, previous)
            self.changed(document.kind, document.name)

    def give_another_chance(self, document: Document) -> None:
        """Forget what was put aside for a document's file, be it the document itself."""
        _aside(self.path(document.kind, document.name)).unlink(missing_ok=True)

    def has_put_aside(self, kind: Kind, name: str = "") -> bool:
        """Tell whether the latest document for a file was put aside."""
        return _aside(self.path(kind, name)).exists()

    def is_refused(self, kind: Kind, name: str = "") -> bool:
        """Tell whether a file holds what Envoy refused, for want of anything better."""
        path = self.path(kind, name)
        return self.has_put_aside(kind, name) and read(_aside(path)) == read(path)

    def resources(self, kind: Kind, name: str = "") -> list[Resource]:
        """Return the resources in a file, [] when it is not there."""
        content = read(self.path(kind, name))
        found: Sequence[Resource] = json.loads(content)["resources"] if content else ()
        return [{key: value for key, value in resource.items() if key != "@type"} for resource in found]

    def versions(self, kind: Kind) -> dict[str, str]:
        """Return the version of each of a kind's files by the resource's name, "" for a list of all."""
        paths = (self.root / kind).glob("*.json") if kind in ("eds", "rds") else [self.path(kind)]
        documents = [json.loads(content) for content in map(read, sorted(paths)) if content]
        return {
            name_of(document["resources"][0]) if kind in ("eds", "rds") else "": document["version_info"]
            for document in documents
        }

    def keep_only(self, kind: ReferenceKind, names: Iterable[str]) -> None:
        """Remove the files of all other resources of a kind."""
        kept = {self.path(kind, name) for name in names}
        for path in set((self.root / kind).glob("*.json")) - kept:
            path.unlink()
            _aside(path).unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Put a whole file in its place at once: written beside, then renamed, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    os.replace(beside, path)  # noqa: PTH105 - the name under which its atomicity is documented


def read(path: Path) -> bytes | None:
    """Return a file's content, None when it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".refused")


def _slug(name: str) -> str:
    """Return a file name for a resource's name: readable, safe, and its own also where case does not count."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", name)[:80].strip("_.")
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
