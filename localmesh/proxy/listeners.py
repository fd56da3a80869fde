"""Listeners, and what they do with what they take."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from localmesh.proxy.addresses import Address
from localmesh.proxy.authentication import TokenAuthentication
from localmesh.proxy.authorization import Authorization
from localmesh.proxy.routes import RouteConfiguration
from localmesh.proxy.tls import ServerTls


class TrafficDirection(StrEnum):
    """For whom a listener works."""

    INBOUND = "INBOUND"
    """For the mesh, on behalf of the application."""

    OUTBOUND = "OUTBOUND"
    """For the application beside the proxy, or, in a gateway, for strangers."""


class PlainFilter(StrEnum):
    """HTTP filters that need not be told anything: they act on what a route says, or on nothing."""

    GRPC_STATS = "envoy.filters.http.grpc_stats"
    GRPC_WEB = "envoy.filters.http.grpc_web"
    """Turns what browsers make of gRPC into gRPC."""

    FAULT = "envoy.filters.http.fault"
    CORS = "envoy.filters.http.cors"
    ROUTER = "envoy.filters.http.router"
    """The last one: it does what the route says."""


HttpFilter = PlainFilter | TokenAuthentication | Authorization
"""What each request passes, in this order. A filter that is told something is a struct beside the plain ones."""


class ClientCertificates(Struct, frozen=True):
    """What becomes of `x-forwarded-client-cert`."""

    forward: str
    """Envoy's `forward_client_cert_details`."""

    details: tuple[str, ...]
    """What is said of the client's certificate: `subject`, `uri` …"""


class HttpConnectionManager(Struct, frozen=True):
    """Speaks HTTP."""

    routes: str | RouteConfiguration
    """The name of the proxy's route configuration to follow, or one that belongs to the listener alone."""

    stat_prefix: str
    filters: tuple[HttpFilter, ...]
    use_remote_address: bool
    """Whether clients are strangers: their headers are not trusted, their address is the connection's."""

    server_name: str | None = None
    """What answers name in `server`; None for Envoy's own name."""

    client_certificates: ClientCertificates | None = None
    http1_options: bool = False
    """Whether there are options for HTTP/1, even without any of them set."""

    http2_options: bool = False
    """Whether there are options for HTTP/2, even without any of them set."""

    absolute_urls: bool = False
    """Whether it serves as an HTTP proxy: requests name whole URLs."""


class TcpProxy(Struct, frozen=True):
    """Passes all bytes on to one cluster: what is done with a protocol that is not understood."""

    cluster: str


NetworkFilter = HttpConnectionManager | TcpProxy


class FilterChainMatch(Struct, frozen=True):
    """Which connections a chain takes; all conditions have to hold."""

    transport_protocol: str = ""
    """`tls`, `raw_buffer`, or "" for both."""

    server_names: tuple[str, ...] = ()
    """Of TLS (SNI), one of which must be asked for; may begin with a wildcard."""

    application_protocols: tuple[str, ...] = ()
    """Of TLS (ALPN) or of a look at the first bytes, one of which must be offered."""


class FilterChain(Struct, frozen=True):
    """What is done with the connections that it takes."""

    filter: NetworkFilter
    handshake_timeout: timedelta
    """How long a connection may take until it can be spoken on."""

    authorizations: tuple[Authorization, ...] = ()
    """Decide on each connection before the filter sees it; of requests, its own filters decide."""

    match: FilterChainMatch | None = None
    """None for all connections that no other chain takes."""

    tls: ServerTls | None = None
    """None to take bytes as they come."""

    name: str = ""


class Listener(Struct, frozen=True):
    """A socket, and what becomes of the connections that it takes."""

    name: str
    address: Address
    direction: TrafficDirection
    chains: tuple[FilterChain, ...]
    """At least one; Envoy takes the one whose match is the most specific."""

    bound: bool = True
    """Whether it opens a socket; one that does not gets what another listener has caught, which is nothing here."""

    shared: bool = False
    """Whether several processes may listen on the address, each getting some of the connections."""

    looks_for_tls: bool = False
    """Whether it looks at a connection's first bytes, without which no match can tell TLS from plain text."""

    @property
    def route_names(self) -> tuple[str, ...]:
        """The proxy's route configurations that it follows."""
        managers = (chain.filter for chain in self.chains if isinstance(chain.filter, HttpConnectionManager))
        return tuple(manager.routes for manager in managers if isinstance(manager.routes, str))
