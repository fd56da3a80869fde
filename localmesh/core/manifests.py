"""YAML that the project itself brings, read by libyaml where it is there: it is on the way to a mesh's first answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(text: str) -> Iterator[Any]:
    """Yield the documents of a text, without empty ones. Raises YAMLError."""
    return filter(None, yaml.load_all(text, _LOADER))


def document_of(file: Path) -> Any:
    """Return the one document of a file, {} for an empty one. Raises OSError, UnicodeDecodeError, YAMLError."""
    return yaml.load(file.read_text(encoding="utf-8"), _LOADER) or {}  # noqa: S506 -- either is safe
