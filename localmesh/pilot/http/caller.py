"""Whose requests a VirtualService is asked about."""

from dataclasses import dataclass

from localmesh.core.objects import Key
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.view import View
from localmesh.proxy.proxies import NodeType


@dataclass(frozen=True, slots=True)
class Caller:
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
