"""The listeners that others call: what reaches the application."""

from collections.abc import Iterator

from localmesh.core.objects import Object
from localmesh.kinds.istio import AuthorizationPolicy, RequestAuthentication
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.clusters.inbound import NOWHERE, Served, served_ports
from localmesh.pilot.config.workload_policies import policies_of
from localmesh.pilot.http.outbound import RESERVED
from localmesh.pilot.http.routes import application_route
from localmesh.pilot.listeners.authentication import token_authentications
from localmesh.pilot.listeners.authorization import authorizations
from localmesh.pilot.listeners.authorization_rules import OpenPort
from localmesh.pilot.listeners.managers import chain, inbound_manager
from localmesh.pilot.listeners.tls import by_mode
from localmesh.pilot.peer_authentications import Mode
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.proxy.authentication import TokenAuthentication
from localmesh.proxy.authorization import Authorization
from localmesh.proxy.listeners import FilterChain, Listener, TcpProxy, TrafficDirection
from localmesh.proxy.names import inbound_cluster
from localmesh.proxy.routes import RouteConfiguration, VirtualHost


def inbound_listeners(pod: Object, context: PushContext) -> Iterator[Listener]:
    """Yield a listener for each container port."""
    policies = policies_of(pod, AuthorizationPolicy, context)
    tokens = token_authentications(policies_of(pod, RequestAuthentication, context), clears_route=False)
    for number, services in served_ports(pod, context).items():
        served = services[0] if services else None
        address = context.addresses.inbound(PodPort(pod, number))
        if address and number not in (NOWHERE, *RESERVED):
            name = f"0.0.0.0_{number}"
            open_port = OpenPort(address, number, http=not served or served[1].protocol.is_http)
            taken = _chain(name, served, open_port, tokens, authorizations(policies, open_port))
            mode = context.peer_authentications.of_port(pod, number)
            chains = by_mode(taken, mode) if context.auto_mtls or mode is not Mode.DISABLE else (taken,)
            yield Listener(
                f"inbound_{name}", address, TrafficDirection.INBOUND, chains, looks_for_tls=chains != (taken,)
            )


def _chain(
    stat_prefix: str,
    served: Served | None,
    open_port: OpenPort,
    tokens: tuple[TokenAuthentication, ...],
    decisions: tuple[Authorization, ...],
) -> FilterChain:
    """Return what becomes of connections: requests go to the application, one by one unless they are no HTTP."""
    if not open_port.http:
        return chain(TcpProxy(inbound_cluster(open_port.port)), decisions)
    protocol = served[1].protocol if served else Protocol.HTTP
    return chain(
        inbound_manager(stat_prefix, _routes(open_port.port, served), (*tokens, *decisions), protocol=protocol)
    )


def _routes(number: int, served: Served | None) -> RouteConfiguration:
    """Return the one route, named after the Service's port; of a container port that no Service has, 0."""
    host, port = (served[0].host, served[1].number) if served else ("", 0)
    retried = not (served and served[1].protocol in (Protocol.GRPC, Protocol.GRPC_WEB))
    route = application_route(number, f"{host}:{port}/*", retried=retried)
    catch_all = VirtualHost(f"inbound|http|{port}", ("*",), (route,), counts_attempts=False)
    return RouteConfiguration(inbound_cluster(number), (catch_all,))
