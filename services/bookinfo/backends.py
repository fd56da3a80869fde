"""Where Bookinfo's services find each other; the variables' names are the original's."""

from typing import Annotated

from pydantic import Field

from services.chassis.settings import Port, ServiceSettings
from services.chassis.values import Host, base_url

BackendPort = Annotated[Port, Field(ge=1)]


class BackendSettings(ServiceSettings):
    """The environment of a service that calls ratings, at least."""

    ratings_hostname: Host = "ratings"
    """Where ratings is."""
    ratings_service_port: BackendPort = 9080
    """Ratings' TCP port; Kubernetes sets it too, to the same."""
    services_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*$", max_length=253)] = ""
    """What is put behind each name, such as ``bookinfo.svc.cluster.local``."""

    @property
    def ratings_url(self) -> str:
        """Base URL of ratings."""
        return self.url(self.ratings_hostname, self.ratings_service_port)

    def url(self, host: str, port: int) -> str:
        """Base URL of a service."""
        return base_url(f"{host}.{self.services_domain}" if self.services_domain else host, port)
