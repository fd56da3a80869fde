"""Who answers: the service, its version and the pod, as answers, the page, ``/version`` and the telemetry name them."""

import socket
from collections.abc import Mapping
from contextvars import ContextVar

from pydantic import BaseModel, ConfigDict, Field

from services.chassis.settings import ServiceSettings

RELEASE = "1.0.0"
"""The one number that pyproject.toml, the images and their tags, OpenAPI and ``/version`` give."""
SERVED_BY = "x-served-by"
"""The header that lists who had a part in an answer, from the caller's side on."""
MAX_HOPS_LENGTH = 1024
"""A longer list of an upstream's is not passed on."""

_upstreams: ContextVar[list[str] | None] = ContextVar("upstreams", default=None)


class Identity(BaseModel):
    """One process among those that answer, as ``/version`` tells it: what is not known is left out."""

    model_config = ConfigDict(frozen=True)

    service: str
    """Name of the service."""
    version: str | None = None
    """The pod's label of this name; None where nothing says it, for it is not to be guessed."""
    pod: str = Field(default_factory=socket.gethostname)
    """Name of the pod: in a container, the host's."""
    namespace: str | None = None
    """The pod's namespace."""
    release: str = RELEASE
    """Of this project."""

    @classmethod
    def of(cls, service: str, settings: ServiceSettings) -> "Identity":
        """This process, as the pod's manifest describes it."""
        pod = settings.pod_name or settings.hostname or socket.gethostname()
        return cls(service=service, version=settings.service_version, pod=pod, namespace=settings.pod_namespace)

    @property
    def hop(self) -> str:
        """What `SERVED_BY` says of this process, such as ``catalog/v2@catalog-v2-6d5f-abcde``."""
        return f"{self.service}/{self.version}@{self.pod}" if self.version else f"{self.service}@{self.pod}"


def collect_hops() -> list[str]:
    """A list that gets what `note_hops` is told until the current request is answered."""
    hops: list[str] = []
    _upstreams.set(hops)
    return hops


def hops_so_far() -> list[str]:
    """Who had a part in the current request's answer until now."""
    return list(_upstreams.get() or ())


def note_hops(headers: Mapping[str, str]) -> None:
    """Remembers who had a part in an upstream's answer, of which these are the headers."""
    hops, said = _upstreams.get(), headers.get(SERVED_BY)
    if hops is not None and said and len(said) <= MAX_HOPS_LENGTH and said.isascii() and said.isprintable():
        hops.append(said)
