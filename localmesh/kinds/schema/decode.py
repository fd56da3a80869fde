"""Strict decoding and type checks: a document seen through the schema of its kind."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from localmesh.core.objects import Object
from localmesh.kinds.resources import Resource
from localmesh.kinds.review import Problem
from localmesh.kinds.schema.cel import holds
from localmesh.kinds.schema.definitions import Schema

_BOUNDS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_TIME = re.compile(r"[^T]*T[^T]*(Z|[+-][0-9]{2}:[0-9]{2})")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
}


class Decoded(Struct, frozen=True):
    """A document seen through its schema."""

    object: Object
    """The document without nulls and without the fields that do not exist; whole numbers are integers."""

    unknown: tuple[str, ...]
    """Paths of the fields that do not exist, in the document's order."""

    problems: tuple[Problem, ...]
    """Values of a wrong type, out of range, missing."""


def decode(resource: Resource, document: Object) -> Decoded:
    """Look at a document with the eyes of a resource's schema; the document is not changed."""
    return decode_by(Schema.of(resource), document, takes_null=not resource.custom)


def decode_by(schema: Schema, document: Any, *, takes_null: bool = False) -> Decoded:
    """Look at a document with the eyes of any schema."""
    decoder = _Decoder(takes_null=takes_null)
    cleaned = decoder.value(document, schema, "")
    return Decoded(cleaned, tuple(decoder.unknown), tuple(decoder.problems))


class _Decoder:
    """One walk through a document."""

    def __init__(self, *, takes_null: bool) -> None:
        self._takes_null = takes_null
        """Whether null is the same as nothing everywhere; a custom resource takes it in its metadata only."""
        self.unknown: list[str] = []
        self.problems: list[Problem] = []

    def value(self, value: Any, schema: Schema, path: str) -> Any:
        if schema.keywords.get("format") == "byte":
            value = _as_base64(value)
        if complaint := complain(value, schema):
            self.problems.append(Problem(path or "<document>", complaint))
            return value
        known = len(self.problems)
        decoded = self.parts(value, schema, path)
        # A rule of the CRD's may rely on the types of all that lies in the value.
        if len(self.problems) == known and (fault := _broken_rule(decoded, schema.keywords)):
            self.problems.append(Problem(path or "<document>", f"Invalid value: {_brief(value)}: {fault}"))
        return decoded

    def parts(self, value: Any, schema: Schema, path: str) -> Any:
        if isinstance(value, dict):
            return self.fields(value, schema, path)
        if isinstance(value, list):
            return [self.value(item, schema.item(), f"{path}[{index}]") for index, item in enumerate(value)]
        # JSON has no integers of its own: 3.0 is one, where one is wanted.
        return int(value) if isinstance(value, float) and schema.is_integer else value

    def fields(self, value: dict[str, Any], schema: Schema, path: str) -> dict[str, Any]:
        kept = {}
        for name, content in value.items():
            place = f"{path}.{name}" if path else name
            child = schema.child(name)
            if child is None:
                self.unknown.append(place)
            elif content is not None or not (self._takes_null or place.startswith("metadata")):
                kept[name] = self.value(content, child, place)
        self.problems.extend(_missing(kept, schema, path))
        return kept


def _as_base64(value: Any) -> Any:
    """Return bytes that are listed one by one as the text that encodes them; anything else as it is.

    Kubernetes takes either for a field of format byte, for so does Go's JSON, which reads null as nought.
    """
    if not isinstance(value, list) or any(isinstance(byte, (bool, str)) for byte in value):
        return value
    try:
        return base64.b64encode(bytes(0 if byte is None else byte for byte in value)).decode()
    except (TypeError, ValueError):
        return value


def _missing(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[Problem]:
    for name in schema.keywords.get("required", []):
        if name not in value:
            yield Problem(f"{path}.{name}" if path else name, "Required value")


def complain(value: Any, schema: Schema) -> str | None:
    """Return what is wrong with a value itself (not with what is inside it), in Kubernetes' words, None if nothing."""
    keywords = schema.keywords
    if value is None and keywords.get("nullable"):
        return None
    if mismatch := _mismatch(value, keywords):
        return f"Invalid value: {json.dumps(value)}: {mismatch}"
    if "enum" in keywords and value not in keywords["enum"]:
        supported = ", ".join(f'"{choice}"' for choice in keywords["enum"])
        return f"Unsupported value: {json.dumps(value)}: supported values: {supported}"
    fault = _out_of_bounds(value, keywords) or _too_many(value, keywords)
    return f"Invalid value: {_brief(value)}: {fault}" if fault else None


def _mismatch(value: Any, keywords: Mapping[str, Any]) -> str | None:
    """Say how the value's type differs from the wanted one."""
    format_, type_ = keywords.get("format"), keywords.get("type")
    if format_ == "int-or-string":
        return None if _is(value, "integer") or _is(value, "string") else "must be an integer or a string"
    if format_ == "quantity":
        fits = not isinstance(value, bool) and _QUANTITY.fullmatch(str(value))
        return None if fits else "must be a quantity such as 100m, 0.5 or 64Mi"
    if format_ == "date-time" and isinstance(value, str) and not _is_time(value):
        return "must be a time as RFC 3339 writes it: 2026-01-31T12:00:00Z"
    if type_ is None or _is(value, type_):
        return None
    article = "an" if type_[0] in "aeiou" else "a"
    return f"must be {article} {type_}{_hint(value, type_)}"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _TIME.fullmatch(text) is not None


def _hint(value: Any, type_: str) -> str:
    if type_ != "string" or value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return ": in YAML an unquoted y, n, yes, no, on, off, true or false is a boolean, so put it in quotes"
    return ": put it in quotes"


def _is(value: Any, type_: str) -> bool:
    if type_ == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[type_]) and (type_ == "boolean" or not isinstance(value, bool))


def _out_of_bounds(value: Any, keywords: Mapping[str, Any]) -> str | None:
    """Say how a scalar breaks its limits."""
    if isinstance(value, str):
        return _bad_text(value, keywords)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    low, high = _BOUNDS.get(keywords.get("format", ""), (float("-inf"), float("inf")))
    low, high = max(low, keywords.get("minimum", low)), min(high, keywords.get("maximum", high))
    if value < low:
        return f"must be greater than or equal to {low}"
    return f"must be less than or equal to {high}" if value > high else None


def _bad_text(value: str, keywords: Mapping[str, Any]) -> str | None:
    if len(value) > keywords.get("maxLength", len(value)):
        return f"must have at most {keywords['maxLength']} characters"
    if len(value) < keywords.get("minLength", 0):
        return f"must have at least {keywords['minLength']} characters"
    # Go's $ is the end of the text; Python's is also what comes before a last line's end.
    if not re.search(keywords.get("pattern", "").replace("$", r"\Z"), value):
        return f"must match the pattern {keywords['pattern']}"
    return None


def _too_many(value: Any, keywords: Mapping[str, Any]) -> str | None:
    """Say how a list or an object has too many or too few members."""
    if isinstance(value, list):
        if len(value) > keywords.get("maxItems", len(value)):
            return f"must have at most {keywords['maxItems']} items"
        return f"must have at least {keywords['minItems']} items" if len(value) < keywords.get("minItems", 0) else None
    if isinstance(value, dict):
        for names in keywords.get("atMostOne", []):
            present = [name for name in names if value.get(name) is not None]
            if len(present) > 1:
                return f"at most one of {', '.join(names)} may be set, not {' and '.join(present)}"
        if len(value) > keywords.get("maxProperties", len(value)):
            return f"must have at most {keywords['maxProperties']} entries"
        if len(value) < keywords.get("minProperties", 0):
            return f"must have at least {keywords['minProperties']} entry"
    return None


def _broken_rule(value: Any, keywords: Mapping[str, Any]) -> str | None:
    """Return the message of the first rule of a CRD that the value breaks."""
    return next((message for rule, message in keywords.get("cel", []) if not holds(rule, value)), None)


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - what fits in a terminal's line
