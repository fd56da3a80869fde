"""The virtual hosts of a sidecar that serves its application as an HTTP proxy: those of all ports in one.

istiod does this too (RDS `http_proxy`), but tells ports apart by domains like `search:8088`, and has Envoy ignore the
port when it compares domains: only port 80 ever answers. Here the other ports' routes ask for the port in `:authority`,
so a call reaches the port that it would reach in a cluster, where it is caught on its way there. A Service that has
port 80 only, as most, looks as in istiod.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from localmesh.pilot.http.routes import passthrough_route
from localmesh.pilot.registry.index import HTTP_PORT
from localmesh.proxy.matches import HeaderMatch, Text, TextMatch
from localmesh.proxy.routes import Route, VirtualHost

ByPort = Mapping[int, VirtualHost]


def merged(by_port: Mapping[int, Sequence[VirtualHost]]) -> list[VirtualHost]:
    """Return one virtual host for each host, sorted by name, from the virtual hosts of each port."""
    ports = sorted(by_port, key=lambda port: (port != HTTP_PORT, port))
    hosts: dict[str, dict[int, VirtualHost]] = {}
    owners: dict[str, str] = {}
    for port in ports:
        for each in by_port[port]:
            host = each.name.rpartition(":")[0]
            hosts.setdefault(host, {})[port] = each
            for domain in each.domains:
                owners.setdefault(domain, host)
    owned = {host: [domain for domain, owner in owners.items() if owner == host] for host in hosts}
    found = (_merged(host, owned[host], served) for host, served in hosts.items() if owned[host])
    return sorted(found, key=lambda each: each.name)


def _merged(host: str, domains: Sequence[str], served: ByPort) -> VirtualHost:
    """Return a host's virtual host, named after its first port; a port that it does not have is passed on."""
    plain = served[HTTP_PORT].routes if HTTP_PORT in served else (passthrough_route(),)
    return VirtualHost(
        f"{host}:{next(iter(served))}",
        tuple(each for domain in domains for each in (domain, *(f"{domain}:{port}" for port in served))),
        (*_routes_by_port(served), *plain),
    )


def _routes_by_port(served: ByPort) -> Iterator[Route]:
    for port, host in served.items():
        if port != HTTP_PORT:
            yield from (_for_port(route, port) for route in host.routes)


def _for_port(route: Route, port: int) -> Route:
    called = HeaderMatch(":authority", TextMatch(Text.SUFFIX, f":{port}"))
    return replace(route, match=replace(route.match, headers=(*route.match.headers, called)))
