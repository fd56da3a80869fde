"""What webapp reads from its environment."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import Port, ServiceSettings
from services.chassis.values import Host, base_url


class Settings(ServiceSettings):
    """Webapp's environment; the names of the four addresses are the original's."""

    port: Port = 8080
    """TCP port to listen on."""
    catalog_service_host: Host = "localhost"
    """Where catalog is."""
    catalog_service_port: Annotated[Port, Field(ge=1)] = 3000
    """Catalog's TCP port."""
    forum_service_host: Host = "localhost"
    """Where the forum is, which need not exist."""
    forum_service_port: Annotated[Port, Field(ge=1)] = 8081
    """The forum's TCP port."""
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 3.0
    """How long a connection to catalog or forum may take."""
    read_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long catalog or forum may be silent. The mesh has its own timeouts, which are meant to be shorter."""
    call_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long a call may take in all, however diligently it trickles."""
    proxy_loopback: bool = False
    """Whether calls to this very machine take HTTP_PROXY too: a mesh whose pods share one loopback address sets it."""

    @property
    def catalog_url(self) -> str:
        """Base URL of catalog."""
        return base_url(self.catalog_service_host, self.catalog_service_port)

    @property
    def forum_url(self) -> str:
        """Base URL of the forum."""
        return base_url(self.forum_service_host, self.forum_service_port)
