"""Tokens as an identity provider gives them out."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "auth@istioinaction.io"
FAR_FUTURE = 4102444800


class Issuer:
    """Gives out tokens, signed with a key of its own (RS256)."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def keys(self) -> str:
        """Return the public key as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        n, e = _encoded(numbers.n.to_bytes(size, "big")), _encoded(numbers.e.to_bytes(3, "big"))
        return json.dumps({"keys": [{"kty": "RSA", "kid": "one", "n": n, "e": e}]})

    def token(self, **claims: Any) -> str:
        """Return a token for somebody of whom these claims are made."""
        body = {"iss": ISSUER, "exp": FAR_FUTURE} | claims
        parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, body)]
        signed = ".".join(parts)
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
