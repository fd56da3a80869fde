"""The listeners that others call: what reaches the application."""

from collections.abc import Iterator

from localmesh.core.objects import Object
from localmesh.pilot.clusters.inbound import NOWHERE, Served, served_ports
from localmesh.pilot.http.routes import application_route
from localmesh.pilot.listeners.managers import chain, inbound_manager
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.proxy.listeners import Listener, NetworkFilter, TcpProxy, TrafficDirection
from localmesh.proxy.names import inbound_cluster
from localmesh.proxy.routes import RouteConfiguration, VirtualHost


def inbound_listeners(pod: Object, context: PushContext) -> Iterator[Listener]:
    """Yield a listener for each container port."""
    for number, served in served_ports(pod, context).items():
        address = context.addresses.inbound(PodPort(pod, number)) if number != NOWHERE else None
        if address:
            name = f"0.0.0.0_{number}"
            chains = (chain(_filter(number, name, served)),)
            yield Listener(f"inbound_{name}", address, TrafficDirection.INBOUND, chains)


def _filter(number: int, stat_prefix: str, served: Served | None) -> NetworkFilter:
    """Return what becomes of connections: requests go to the application, one by one unless they are no HTTP."""
    if served and not served[1].protocol.is_http:
        return TcpProxy(inbound_cluster(number))
    return inbound_manager(stat_prefix, _routes(number, served))


def _routes(number: int, served: Served | None) -> RouteConfiguration:
    """Return the one route, named after the Service's port; of a container port that no Service has, 0."""
    host, port = (served[0].host, served[1].number) if served else ("", 0)
    route = application_route(number, f"{host}:{port}/*")
    catch_all = VirtualHost(f"inbound|http|{port}", ("*",), (route,), counts_attempts=False)
    return RouteConfiguration(inbound_cluster(number), (catch_all,))
