"""Listeners, and what they do with what they take."""

from dataclasses import dataclass
from enum import Enum

from localmesh.proxy.addresses import Address
from localmesh.proxy.routes import RouteConfiguration


@dataclass(frozen=True, slots=True)
class Forward:
    """What is done with a protocol that is not understood: all bytes go to one cluster."""

    cluster: str


class Side(Enum):
    """For whom a listener works; much of what it does with HTTP follows from that."""

    GATEWAY = "gateway"
    """For strangers: their headers are not trusted, the client's address is the connection's."""

    OUTBOUND = "outbound"
    """For the application beside the proxy."""

    INBOUND = "inbound"
    """For the mesh, on behalf of the application."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket, and what becomes of what it takes."""

    name: str
    address: Address
    side: Side
    routes: str | RouteConfiguration | Forward
    """For HTTP, the name of the proxy's route configuration to follow, or one that belongs to the listener alone."""

    bound: bool = True
    """Whether it opens a socket; one that does not gets what another listener has caught, which is nothing here."""

    http_proxy: bool = False
    """Whether it serves as an HTTP proxy: takes absolute URLs."""

    shared: bool = False
    """Whether several processes may listen on the address, each getting some of the connections."""
