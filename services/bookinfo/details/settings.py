"""What details reads from its environment."""

from services.chassis.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    """Details' environment."""

    port: Port = 9080
    """TCP port to listen on."""
    enable_external_book_service: bool = False
    """Version 2: asks a public book service, for the lessons on traffic that leaves the mesh."""
    do_not_encrypt: bool = False
    """Asks it by HTTP: the sidecar sees the request then, and may encrypt it."""

    @property
    def external_book_service(self) -> str:
        """Base URL of the public service."""
        return ("http" if self.do_not_encrypt else "https") + "://www.googleapis.com"
