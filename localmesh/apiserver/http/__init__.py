"""The door: the Kubernetes API over TLS on loopback, as far as kubectl asks for it."""

from localmesh.apiserver.http.server import Door, PortTakenError

__all__ = ["Door", "PortTakenError"]
