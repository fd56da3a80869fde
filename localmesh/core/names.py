"""The ends of generated names."""

import hashlib
import secrets

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and nothing that looks like one, so that no word comes out (k8s.io/apimachinery `util/rand`)."""

_LABEL, _END = 63, 5
"""Characters of a DNS label, and of a random end."""


def generated(prefix: str) -> str:
    """Return a name that begins as wanted and ends by chance, cut so that both fit into a DNS label."""
    return prefix[: _LABEL - _END] + "".join(secrets.choice(ALPHABET) for _ in range(_END))


def digest(text: str, length: int) -> str:
    """Return an end that is always the same for the same text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    letters = ""
    for _ in range(length):
        number, index = divmod(number, len(ALPHABET))
        letters += ALPHABET[index]
    return letters
