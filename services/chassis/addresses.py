"""Where another service is, as settings say it."""

from typing import Annotated

from pydantic import Field

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
"""A host name or an IP address, without scheme, port or path."""


def base_url(host: str, port: int) -> str:
    """The URL of a service's root, without a slash at its end."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
