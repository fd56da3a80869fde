"""Values as they may be written: ids, texts, hosts."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

_CANONICAL = re.compile("0|-?[1-9][0-9]*")


def _canonical(value: object) -> object:
    if isinstance(value, str) and not _CANONICAL.fullmatch(value):
        raise ValueError("a whole number in digits is needed")
    return value


Id = Annotated[int, BeforeValidator(_canonical)]
"""An id as it is written, so that ``/items/1`` has no other name: Python's own numbers may be ``1_000`` or ``+1``."""

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff"
"""Characters that end a line, steer a terminal, or that XML has no place for."""
Text = Annotated[
    str, StringConstraints(pattern=rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$", min_length=1, max_length=200)
]
"""One line without blanks around it."""

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
"""A host name or an IP address, without scheme, port or path."""


def base_url(host: str, port: int) -> str:
    """The URL of a service's root, without a slash at its end."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
