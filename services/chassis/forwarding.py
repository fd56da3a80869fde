"""Which of a caller's headers go on to the next service."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

ForwardedHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Names in lower case, each at most once, and values as they came."""

_NAME = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]{1,256}")
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
MAX_VALUE_BYTES = 8 * 1024
"""A longer value stays behind."""
MAX_TOTAL_BYTES = 32 * 1024
"""What does not fit in stays behind; Envoy refuses a request with more than 60 KiB of headers."""


def forwarded(headers: Iterable[tuple[bytes, bytes]], goes_on: Callable[[bytes], bool]) -> ForwardedHeaders:
    """Those of the caller's headers that go on.

    The first value of a repeated header counts. Values that are no valid field values (RFC 9110, 5.5) or too long stay
    behind: they must not break the next request.

    Args:
        headers: Names in lower case and values, as ASGI has them.
        goes_on: Whether a header of this name is to go on.
    """
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        if goes_on(name):
            first.setdefault(name, value)
    sound = [(name, value) for name, value in first.items() if _is_sound(name, value)]
    sizes = accumulate(len(name) + len(value) for name, value in sound)
    return [header for header, size in zip(sound, sizes, strict=True) if size <= MAX_TOTAL_BYTES]


def _is_sound(name: bytes, value: bytes) -> bool:
    return len(value) <= MAX_VALUE_BYTES and bool(_NAME.fullmatch(name)) and bool(_VALUE.fullmatch(value))
