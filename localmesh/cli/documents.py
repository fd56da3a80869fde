"""YAML files as kubectl reads them, with the line of each field."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from localmesh.cli import yaml_reader
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object

EXTENSIONS = (".json", ".yaml", ".yml")
"""What kubectl reads of a folder; folders in it are left alone."""

STDIN = "-"

MAX_FILE = 8 * 1024 * 1024
"""Bytes; a device has no end, and so much takes a minute to read."""

_NOTHING = ("", "~", "null", "Null", "NULL")
"""What a List without items may say instead of them."""

_STEP = re.compile(r"\[([^]]*)\]|([^.\[\]]+)")


class Document(Struct, frozen=True):
    """One object of a file."""

    source: str
    """The file's path as the user named it, `stdin` for the standard input."""

    object: Any
    node: yaml.Node

    def line(self, field: str = "") -> int:
        """Return the line on which a field stands, by its path as kubectl prints it, counted from 1.

        For a field that is missing it is the line of the nearest thing around it.
        """
        node, line = self.node, self.node.start_mark.line
        for in_brackets, name in _STEP.findall(field):
            step = _step(node, in_brackets or name)
            if step is None:
                break
            line, node = step
        return line + 1


def _step(node: yaml.Node, name: str) -> tuple[int, yaml.Node] | None:
    """Return the line and the node of a mapping's key or of a sequence's item."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == name), None)
    if isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
        item = node.value[int(name)]
        return item.start_mark.line, item
    return None


def documents(paths: Iterable[str]) -> list[Document]:
    """Return the objects in files, in the files of folders, and (for `-`) on the standard input.

    Lists are opened; a folder's kustomization is no object.

    Raises MeshError, with file and line, for what cannot be read.
    """
    return [document for path in paths for source, text in _texts(path) for document in _parse(source, text)]


def _texts(path: str) -> Iterator[tuple[str, bytes]]:
    if path == STDIN:
        yield "stdin", _read("stdin", sys.__stdin__.fileno() if sys.__stdin__ else -1)
        return
    for file in _files(path):
        yield str(file), _read(str(file), file)


def _files(path: str) -> list[Path]:
    """Return a file, or those of a folder that kubectl reads, too. Raises MeshError."""
    if not path:
        raise MeshError("a file without a name cannot be read")
    given = Path(path)
    try:
        if not given.is_dir():
            return [given]
        files = sorted(entry for entry in given.iterdir() if entry.suffix in EXTENSIONS and not entry.is_dir())
    except OSError as error:
        raise MeshError(f"{path}: cannot be read: {error.strerror}") from error
    if not files:
        raise MeshError(f"{path}: no file in it ends in {', '.join(EXTENSIONS)}")
    return files


def _read(source: str, file: Path | int) -> bytes:
    """Return what is in a file, named by its path or its descriptor. Raises MeshError."""
    try:
        with open(file, "rb", closefd=isinstance(file, Path)) as opened:
            content = opened.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:  # the latter: no descriptor at all
        raise MeshError(f"{source}: cannot be read: {getattr(error, 'strerror', 'it is closed')}") from error
    if len(content) > MAX_FILE:
        raise MeshError(f"{source}: more than {MAX_FILE} bytes: cut it into several files")
    return content


def _parse(source: str, content: bytes) -> Iterator[Document]:
    try:
        for node in yaml_reader.nodes(content):
            yield from _opened(source, node)
    except yaml_reader.ReadError as error:
        is_told = yaml_reader.TEMPLATE in str(error)
        hint = f" ({yaml_reader.TEMPLATE})" if b"{{" in content and not is_told else ""
        raise MeshError(f"{source}:{error.line}: not YAML: {error}{hint}") from error


def _opened(source: str, node: yaml.Node) -> Iterator[Document]:
    """Yield a document, or each item of a List; nothing for one that is empty or tells kustomize what to do."""
    loaded = yaml_reader.value(node)
    items = _step(node, "items") if isinstance(loaded, dict) and str(loaded.get("kind")).endswith("List") else None
    if items and isinstance(items[1], yaml.SequenceNode):
        yield from (Document(source, yaml_reader.value(item), item) for item in items[1].value)
    elif items and items[1].value in _NOTHING:
        return
    elif loaded is not None and not _is_for_kustomize(loaded):
        yield Document(source, loaded, node)


def _is_for_kustomize(loaded: Any) -> bool:
    return isinstance(loaded, dict) and str(loaded.get("apiVersion", "")).startswith("kustomize.config.k8s.io/")


def without_nulls(value: Any) -> Any:
    """Return a document as `kubectl apply` sends it: a field that is null is one that is not there."""
    if isinstance(value, dict):
        return {name: without_nulls(content) for name, content in value.items() if content is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def in_namespace(obj: Object, namespace: str) -> Object:
    """Return an object that lives in a namespace as kubectl would send it: in this one, unless it names one."""
    metadata = obj.get("metadata") or {}
    if not isinstance(metadata, dict):
        return obj
    return obj | {"metadata": metadata | {"namespace": metadata.get("namespace") or namespace}}
