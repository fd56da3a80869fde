"""What productpage reads from its environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from services.bookinfo.backends import BackendPort, BackendSettings
from services.chassis.settings import Port
from services.chassis.values import Host


class Settings(BackendSettings):
    """Productpage's environment; the names of the addresses are the original's."""

    port: Port = 9080
    """TCP port to listen on."""
    details_hostname: Host = "details"
    """Where details is."""
    details_service_port: BackendPort = 9080
    """Details' TCP port."""
    reviews_hostname: Host = "reviews"
    """Where reviews is."""
    reviews_service_port: BackendPort = 9080
    """Reviews' TCP port."""
    flood_factor: Annotated[int, Field(ge=0, le=100)] = 0
    """How many calls of reviews each page makes beside its own, for the lesson on rate limits."""
    session_secret: Annotated[SecretStr, Field(min_length=8)] = SecretStr("bookinfo asks for no password")
    """Signs the cookie that says who signed in.

    Anybody may sign in as anybody, so the default keeps no secret: it lets all replicas read the same cookies.
    """

    @property
    def details_url(self) -> str:
        """Base URL of details."""
        return self.url(self.details_hostname, self.details_service_port)

    @property
    def reviews_url(self) -> str:
        """Base URL of reviews."""
        return self.url(self.reviews_hostname, self.reviews_service_port)
