"""The ends of generated names."""

import hashlib
import secrets

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and nothing that looks like one, so that no word comes out (k8s.io/apimachinery `util/rand`)."""


def suffix(length: int = 5) -> str:
    """Return a random end."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def digest(text: str, length: int) -> str:
    """Return an end that is always the same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    letters = ""
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        letters += ALPHABET[index]
    return letters
