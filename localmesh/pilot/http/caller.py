"""Whose requests a VirtualService is asked about."""

from msgspec import Struct

from localmesh.core.objects import Key
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.view import View
from localmesh.proxy.proxies import NodeType


class Caller(Struct, frozen=True):
    """Whose requests a VirtualService is asked about."""

    view: View
    port: int
    """The port of the Service that was called, or of the gateway's server."""

    context: PushContext
    gateway: Key | None = None
    """The Gateway whose server took the request; None for a sidecar."""

    def destination_port(self, host: str) -> int:
        """Return the port that a destination means which names none: for a gateway, its Service's only one."""
        if self.view.type is NodeType.SIDECAR:
            return self.port
        service = self.context.services.find(host, self.view.namespace)
        return service.ports[0].number if service and len(service.ports) == 1 else self.port

    def called_host(self, host: str) -> str:
        """Return whose endpoints a destination means: of a Service that is another name, those of what it stands for.

        A sidecar knows only of Services that have the port that was called.
        """
        service = self.context.services.find(host, self.view.namespace)
        knows = service is not None and (self.view.type is NodeType.ROUTER or service.port(self.port) is not None)
        return (service.external_name or host) if service and knows else host
