"""The fields of each kind, and what patches need to know of lists.

The schemas are Kubernetes' own definitions and Istio's CRDs, cut down by `tools/make_schemas.py`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct, field

from localmesh.kinds.resources import Resource


@cache
def _definitions() -> Mapping[str, Mapping[str, Any]]:
    loaded: Mapping[str, Mapping[str, Any]] = json.loads(files(__package__).joinpath("schema.json").read_text())
    return loaded


class Schema(Struct, frozen=True):
    """The schema of one value: a kind, or a field somewhere in it."""

    keywords: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema keywords with Kubernetes' extensions; empty for a value that may be anything."""

    @classmethod
    def of(cls, resource: Resource) -> "Schema":
        """Return the schema of a resource's kind."""
        return cls({"$ref": f"{resource.group}/{resource.kind}"}).resolved()

    def resolved(self) -> "Schema":
        """Return the schema with its reference followed; keywords beside the reference stay."""
        reference = self.keywords.get("$ref")
        if reference is None:
            return self
        beside = {name: value for name, value in self.keywords.items() if name != "$ref"}
        return Schema({**Schema(_definitions()[reference]).resolved().keywords, **beside})

    def child(self, name: str) -> "Schema | None":
        """Return the schema of a field, None for a field that does not exist."""
        keywords = self.keywords.get("properties", {}).get(name, self.keywords.get("additionalProperties"))
        if keywords is None and (self.opaque or not self.keywords):
            keywords = {}
        return None if keywords is None else Schema(keywords).resolved()

    def item(self) -> "Schema":
        """Return the schema of a list's items."""
        return Schema(self.keywords.get("items", {})).resolved()

    @property
    def is_integer(self) -> bool:
        """Whether a number must be a whole one."""
        return self.keywords.get("type") == "integer" or self.keywords.get("format") == "int-or-string"

    @property
    def opaque(self) -> bool:
        """Whether unknown fields are kept: the value belongs to somebody else."""
        return bool(self.keywords.get("x-kubernetes-preserve-unknown-fields"))

    @property
    def merge_key(self) -> str | None:
        """The field by which a strategic merge patch tells a list's items apart; None for a list it replaces."""
        key: str | None = self.keywords.get("x-kubernetes-patch-merge-key")
        return key if "merge" in self.strategies else None

    @property
    def strategies(self) -> list[str]:
        """How a strategic merge patch treats the value: `merge`, `retainKeys`, both or neither."""
        text: str = self.keywords.get("x-kubernetes-patch-strategy", "")
        return text.split(",") if text else []


class PrinterColumn(Struct, frozen=True):
    """A column of the table that kubectl prints of a custom resource."""

    name: str
    type: str
    json_path: str
    """`.spec.hosts`: fields one in the other, no more of JSONPath."""


def printer_columns(resource: Resource) -> tuple[PrinterColumn, ...]:
    """Return the columns that a resource's CustomResourceDefinition names."""
    columns = Schema.of(resource).keywords.get("columns", [])
    return tuple(PrinterColumn(column["name"], column["type"], column["jsonPath"]) for column in columns)
