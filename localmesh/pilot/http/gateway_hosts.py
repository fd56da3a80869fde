"""The virtual hosts of a gateway: those that its servers admit and VirtualServices serve.

Source: buildGatewayHTTPRouteConfig in pilot/pkg/networking/core/gateway.go of Istio 1.31.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import intersection, is_wildcard, resolve
from localmesh.pilot.config.gateways import OpenServer
from localmesh.pilot.config.virtual_services import bound_to
from localmesh.pilot.http.caller import Caller
from localmesh.pilot.http.routes import routes_of
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.snapshot import Config
from localmesh.pilot.view import View
from localmesh.proxy.names import virtual_host_name
from localmesh.proxy.routes import Route, RouteConfiguration, VirtualHost


def gateway_routes(servers: Sequence[OpenServer], context: PushContext, view: View) -> Iterator[RouteConfiguration]:
    """Yield the routes for each of a gateway pod's ports."""
    for number in dict.fromkeys(opened.port.number for opened in servers):
        on_port = [opened for opened in servers if opened.port.number == number]
        yield RouteConfiguration(routes_name(number), _virtual_hosts(on_port, context, view))


def routes_name(number: int) -> str:
    """Return the name of the routes of a gateway pod's port."""
    return f"http.{number}"


def _virtual_hosts(servers: Sequence[OpenServer], context: PushContext, view: View) -> tuple[VirtualHost, ...]:
    """Return the virtual hosts of one port, one that answers 404 to everything if there is nothing to serve."""
    by_host: dict[str, VirtualHost] = {}
    built: dict[object, tuple[Route, ...]] = {}
    for opened in servers:
        number = opened.server.port.number
        caller = Caller(view, number, context, opened.gateway.key)
        for config in bound_to(opened.gateway, context, view.namespace):
            # As istiod does: of the servers on one port, the first one with routes of a rule has its number for all.
            rule, hosts = (opened.gateway.key, config.key), _common_hosts(opened, config)
            if hosts and not built.get(rule):
                built[rule] = routes_of(config, caller)
            for host in hosts if built.get(rule) else ():
                _add(by_host, host, number, built[rule])
    if not by_host:
        name = virtual_host_name("blackhole", servers[0].server.port.number)
        return (VirtualHost(name, ("*",), (), counts_attempts=False),)
    folded = _folded([by_host[host] for host in sorted(by_host, key=_specific_first)])
    return tuple(sorted(map(_catch_alls_last, folded), key=lambda host: host.name))


def _common_hosts(opened: OpenServer, config: Config[VirtualService]) -> list[str]:
    """Return the hosts that the server admits and the rule serves, the narrower of each pair, in lower case."""
    admitted = [host for host in opened.server.hosts if _admits(host, opened.gateway.namespace, config.namespace)]
    served = [resolve(host, config.namespace) for host in config.spec.hosts]
    return [host.lower() for host in intersection((host.rpartition("/")[2] for host in admitted), served)]


def _admits(entry: str, gateway_namespace: str, config_namespace: str) -> bool:
    """Tell whether `namespace/host` is for VirtualServices of a namespace: `*` is any, `.` the Gateway's own."""
    namespace, slash, _ = entry.partition("/")
    return not slash or namespace == "*" or config_namespace == (gateway_namespace if namespace == "." else namespace)


def _add(by_host: dict[str, VirtualHost], host: str, port: int, routes: tuple[Route, ...]) -> None:
    """Add a VirtualService's routes to a host: after those of older ones."""
    if host in by_host:
        by_host[host] = replace(by_host[host], routes=by_host[host].routes + routes)
    else:
        by_host[host] = VirtualHost(virtual_host_name(host, port), (host,), routes)


def _specific_first(host: str) -> tuple[bool, int, str]:
    return is_wildcard(host), -len(host), host


def _folded(hosts: Sequence[VirtualHost]) -> list[VirtualHost]:
    """Put hosts with the very same routes into one virtual host, named after the first."""
    by_routes: dict[tuple[Route, ...], VirtualHost] = {}
    for host in hosts:
        first = by_routes.get(host.routes)
        by_routes[host.routes] = replace(first, domains=first.domains + host.domains) if first else host
    return list(by_routes.values())


def _catch_alls_last(host: VirtualHost) -> VirtualHost:
    """Move the routes that take everything behind those of younger VirtualServices that do not."""
    return replace(host, routes=tuple(sorted(host.routes, key=lambda route: route.match.catches_all)))
