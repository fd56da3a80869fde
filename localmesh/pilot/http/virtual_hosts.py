"""The virtual hosts that sidecars have for their applications' calls.

Source: BuildSidecarOutboundVirtualHosts in pilot/pkg/networking/core/httproute.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from localmesh.kinds.addresses import HTTP_PORT
from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import covers, is_wildcard
from localmesh.pilot.config.virtual_services import Owners, VirtualServices, for_sidecars, hosts_of
from localmesh.pilot.http.caller import Caller
from localmesh.pilot.http.routes import default_route, passthrough_route, routes_of
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config
from localmesh.pilot.view import View
from localmesh.proxy.names import virtual_host_name
from localmesh.proxy.routes import Route, VirtualHost

ALLOW_ANY = VirtualHost("allow_any", ("*",), (passthrough_route(),))
"""The last one of a listener: what is no Service's goes where it was going."""


class _Claim(Struct, frozen=True):
    """A host that wants its routes under its domains."""

    host: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]


def virtual_hosts(context: PushContext, port: int, view: View) -> Mapping[str, VirtualHost]:
    """Return the virtual hosts for calls to a port, by host, sorted by name.

    A domain belongs to whoever claims it first: VirtualServices, the oldest first, then the Services that none of them
    speaks of.
    """
    named = context.services.names_in(view.namespace)
    services = {service.host: service for service in named if service.port(port)}
    configs = for_sidecars(context, view.namespace)
    caller = Caller(view, port, context)
    called = _CalledPort(services, configs, caller)
    claims: list[_Claim] = []
    for config in configs:
        if routes := routes_of(config, caller):
            claims += called.claims_of(config, routes)
    unrouted = {host for host, service in services.items() if not service.external_name} - {
        claim.host for claim in claims
    }
    claims += (called.claim(services[host]) for host in sorted(unrouted) if called.speaks_http(services[host]))
    settled = sorted(_settled(claims, port), key=lambda entry: entry[1].name)
    return dict(settled)


class _CalledPort(Struct, frozen=True):
    """One port, as some clients call it."""

    services: Mapping[str, Service]
    """The Services that have the port, by full name."""

    configs: VirtualServices
    caller: Caller

    def claim(self, service: Service, routes: tuple[Route, ...] = ()) -> _Claim:
        """Return a Service's claim to its names, with the default route unless there are others."""
        return _Claim(
            service.host, service.names(self.caller.view.namespace), routes or (default_route(service, self.caller),)
        )

    def claims_of(self, config: Config[VirtualService], routes: tuple[Route, ...]) -> Iterator[_Claim]:
        """Yield what one VirtualService claims.

        Hosts that are no Service of this port are served beside one that is, and on HTTP's own port in any case.
        """
        foreign, own = self._split(config)
        routed = [service for service in own if self.speaks_http(service)]
        if routed or self.caller.port == HTTP_PORT:
            yield from (_Claim(host, (_domain(host),), routes) for host in foreign)
        yield from (self.claim(service, routes) for service in routed)

    def speaks_http(self, service: Service) -> bool:
        """Tell whether requests to the Service's port are routed one by one."""
        port = service.port(self.caller.port)
        return port is not None and port.protocol.is_http

    def _split(self, config: Config[VirtualService]) -> tuple[list[str], list[Service]]:
        """Part a VirtualService's hosts into names that no Service has, and the Services that are its own."""
        foreign: list[str] = []
        own: list[Service] = []
        for host in hosts_of(config):
            named = self._covered(host)
            if not named:
                foreign.append(host)
            elif is_wildcard(host):
                owners = Owners.of(self.configs)
                own += (service for service in named if owners.of_host(service.host) is config)
            else:
                own += named
        return foreign, own

    def _covered(self, host: str) -> list[Service]:
        if not is_wildcard(host):
            return [self.services[host]] if host in self.services else []
        return [service for name, service in self.services.items() if covers(host, name)]


def _domain(host: str) -> str:
    """Return a host as requests name it: an IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host


def _settled(claims: Sequence[_Claim], port: int) -> Iterator[tuple[str, VirtualHost]]:
    """Yield a virtual host for each claim that comes first and still finds a domain."""
    names: set[str] = set()
    taken: set[str] = set()
    for claim in claims:
        domains = tuple(domain for domain in claim.domains if domain not in taken)
        if domains and claim.host not in names:
            yield claim.host, VirtualHost(virtual_host_name(claim.host, port), domains, claim.routes)
        names.add(claim.host)
        taken.update(domains)
