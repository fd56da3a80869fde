"""What istiod's webhook says of a set of JSON Web Keys (RFC 7517).

Source: validateJwtRule in pkg/config/validation/validation.go of Istio 1.31, and the library that it parses keys with.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

_REQUIRED = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}
"""The fields of a public key, by its type."""

_TEXTS = ("kid", "alg", "use")
_BASE64 = re.compile(r"[A-Za-z0-9_\-+/]*={0,2}")


class JwksError(ValueError):
    """A text is no set of keys."""


class JsonWebKeys(Struct, frozen=True):
    """A set of keys."""

    private: tuple[int, ...]
    """The places of keys that are nobody else's business."""

    @classmethod
    def parse(cls, text: str) -> "JsonWebKeys":
        """Read a set of keys, or a single key. Raises JwksError."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise JwksError(f"jwks parse error: {error}") from error
        if not isinstance(document, dict):
            raise JwksError("jwks parse error: must be an object")
        keys = document.get("keys", [document])
        keys = [] if keys is None else keys
        if not isinstance(keys, list):
            raise JwksError("jwks parse error: keys must be a list")
        for index, key in enumerate(keys):
            for complaint in _key_complaints(key):
                raise JwksError(f'jwks parse error: key #{index} in "keys": {complaint}')
        return cls(tuple(index for index, key in enumerate(keys) if "d" in key or key["kty"] == "oct"))


def _key_complaints(key: Any) -> Iterator[str]:
    if not isinstance(key, Mapping):
        yield "must be an object"
        return
    required = _REQUIRED.get(str(key.get("kty")))
    if required is None:
        yield f"invalid key type from JSON ({key.get('kty', '')})"
        return
    for field in required:
        value = key.get(field)
        if value is None:
            yield f"required field {field} is missing"
        elif not isinstance(value, str) or (field != "crv" and not _BASE64.fullmatch(value)):
            yield f"field {field} must be base64"
    for field in _TEXTS:
        if field in key and not isinstance(key[field], str):
            yield f"field {field} must be a string"
