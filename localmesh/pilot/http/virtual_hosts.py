"""The virtual hosts that sidecars have for their applications' calls.

Source: BuildSidecarOutboundVirtualHosts in pilot/pkg/networking/core/httproute.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import covers, is_wildcard, resolve
from localmesh.pilot.http.routes import Outlook, default_route, passthrough_route, routes_of
from localmesh.pilot.registry.index import HTTP_PORT, Registry, Service
from localmesh.pilot.snapshot import Config
from localmesh.proxy.routes import Route, VirtualHost

Rules = Sequence[Config[VirtualService]]

ALLOW_ANY = VirtualHost("allow_any", ("*",), (passthrough_route(),))
"""The last one of a listener: what is no Service's goes where it was going."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A host that wants its routes under its domains."""

    host: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]


def virtual_hosts(registry: Registry, rules: Rules, port: int, namespace: str) -> tuple[VirtualHost, ...]:
    """Return the virtual hosts for calls to a port from pods in a namespace, sorted by name.

    A domain belongs to whoever claims it first: VirtualServices, the oldest first, then the Services that none of them
    speaks of.
    """
    services = {service.host: service for service in registry.services if service.port(port)}
    view = _View(services, rules, port, namespace)
    claims: list[_Claim] = []
    for rule in rules:
        claims += view.claims_of(rule, routes_of(rule, Outlook(port, registry)))
    unrouted = services.keys() - {claim.host for claim in claims}
    claims += (view.claim(services[host]) for host in sorted(unrouted) if view.speaks_http(services[host]))
    return tuple(sorted(_settled(claims, port), key=lambda host: host.name))


def domains_of(service: Service, namespace: str) -> tuple[str, ...]:
    """Return the names under which pods in a namespace can call a Service."""
    qualified = f"{service.name}.{service.namespace}"
    own = (service.name, f"{qualified}.svc", qualified)
    short = own if namespace == service.namespace else (qualified, f"{qualified}.svc")
    address = (service.cluster_ip,) if service.cluster_ip else ()
    return (service.host, f"{service.host}.", *short, *address)


@dataclass(frozen=True, slots=True)
class _View:
    """What pods in one namespace see when they call one port."""

    services: Mapping[str, Service]
    """The Services that have the port, by full name."""

    rules: Rules
    port: int
    namespace: str

    def claim(self, service: Service, routes: tuple[Route, ...] = ()) -> _Claim:
        """Return a Service's claim to its names, with the default route unless there are others."""
        found = routes or (default_route(service, self.port),)
        return _Claim(service.host, domains_of(service, self.namespace), found)

    def claims_of(self, rule: Config[VirtualService], routes: tuple[Route, ...]) -> Iterator[_Claim]:
        """Yield what one VirtualService claims.

        Hosts that are no Service of this port are served beside one that is, and on HTTP's own port in any case.
        """
        foreign, own = self._split(rule)
        routed = [service for service in own if self.speaks_http(service)]
        if routed or self.port == HTTP_PORT:
            yield from (_Claim(host, (host,), routes) for host in foreign)
        yield from (self.claim(service, routes) for service in routed)

    def speaks_http(self, service: Service) -> bool:
        """Tell whether requests to the Service's port are routed one by one."""
        found = service.port(self.port)
        return found is not None and found.protocol.is_http

    def _split(self, rule: Config[VirtualService]) -> tuple[list[str], list[Service]]:
        """Part a VirtualService's hosts into names that no Service has, and the Services that are its own."""
        foreign: list[str] = []
        own: list[Service] = []
        for host in hosts_of(rule):
            named = [service for name, service in self.services.items() if covers(host, name)]
            if named:
                own += (service for service in named if not is_wildcard(host) or _owner(service, self.rules) is rule)
            else:
                foreign.append(host)
        return foreign, own


def hosts_of(rule: Config[VirtualService]) -> list[str]:
    """Return a VirtualService's hosts in full and in lower case, the wildcards last."""
    hosts = [resolve(host, rule.namespace).lower() for host in rule.spec.hosts]
    return sorted(hosts, key=is_wildcard)


def _owner(service: Service, rules: Rules) -> Config[VirtualService] | None:
    """Return the VirtualService that names a Service most precisely, the oldest if several do."""
    best: tuple[bool, int] = (False, 0)
    owner = None
    for rule in rules:
        for host in hosts_of(rule):
            precision = (not is_wildcard(host), len(host))
            if covers(host, service.host) and precision > best:
                best, owner = precision, rule
    return owner


def _settled(claims: Sequence[_Claim], port: int) -> Iterator[VirtualHost]:
    """Yield a virtual host for each claim that comes first and still finds a domain."""
    names: set[str] = set()
    taken: set[str] = set()
    for claim in claims:
        domains = tuple(domain for domain in claim.domains if domain not in taken)
        if domains and claim.host not in names:
            yield VirtualHost(f"{claim.host}:{port}", domains, claim.routes)
        names.add(claim.host)
        taken.update(domains)
