"""The virtual hosts of a sidecar that serves its application as an HTTP proxy: those of all ports in one.

istiod does this too (RDS `http_proxy`), but tells ports apart by domains like `search:8088`, and has Envoy ignore the
port when it compares domains: only port 80 ever answers. Here the other ports' routes ask for the port in `:authority`,
so a call reaches the port that it would reach in a cluster, where it is caught on its way there. A Service that has
port 80 only, as most, looks as in istiod.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from localmesh.kinds.addresses import HTTP_PORT
from localmesh.pilot.http.routes import passthrough_route
from localmesh.proxy.matches import HeaderMatch, TextKind, TextMatch
from localmesh.proxy.names import virtual_host_name
from localmesh.proxy.routes import Route, VirtualHost

ByPort = Mapping[int, VirtualHost]


def merged(by_port: Mapping[int, Mapping[str, VirtualHost]]) -> list[VirtualHost]:
    """Return one virtual host for each host, sorted by name, from the virtual hosts of each port by host."""
    ports = sorted(by_port, key=lambda port: (port != HTTP_PORT, port))
    hosts: dict[str, dict[int, VirtualHost]] = {}
    owners: dict[str, str] = {}
    for port in ports:
        for host, virtual_host in by_port[port].items():
            hosts.setdefault(host, {})[port] = virtual_host
            for domain in virtual_host.domains:
                owners.setdefault(domain, host)
    owned: dict[str, list[str]] = {}
    for domain, owner in owners.items():
        owned.setdefault(owner, []).append(domain)
    together = (_merged(host, owned[host], served) for host, served in hosts.items() if host in owned)
    return sorted(together, key=lambda virtual_host: virtual_host.name)


def _merged(host: str, domains: Sequence[str], served: ByPort) -> VirtualHost:
    """Return a host's virtual host, named after its first port; a port that it does not have is passed on."""
    plain = served[HTTP_PORT].routes if HTTP_PORT in served else (passthrough_route(),)
    return VirtualHost(
        virtual_host_name(host, next(iter(served))),
        tuple(name for domain in domains for name in (domain, *(f"{domain}:{port}" for port in served))),
        (*_routes_by_port(served), *plain),
    )


def _routes_by_port(served: ByPort) -> Iterator[Route]:
    for port, host in served.items():
        if port != HTTP_PORT:
            yield from (_for_port(route, port) for route in host.routes)


def _for_port(route: Route, port: int) -> Route:
    called = HeaderMatch(":authority", TextMatch(TextKind.SUFFIX, f":{port}"))
    return replace(route, match=replace(route.match, headers=(*route.match.headers, called)))
