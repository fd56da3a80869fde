"""The listeners of a gateway: one for each port that is open to the outside."""

from collections.abc import Iterator, Sequence

from localmesh.kinds.istio import AuthorizationPolicy, RequestAuthentication
from localmesh.pilot.config.gateways import OpenServer
from localmesh.pilot.config.workload_policies import policies_of
from localmesh.pilot.http.gateway_hosts import routes_name
from localmesh.pilot.listeners.authentication import token_authentications
from localmesh.pilot.listeners.authorization import authorizations
from localmesh.pilot.listeners.authorization_rules import OpenPort
from localmesh.pilot.listeners.managers import chain, gateway_manager
from localmesh.pilot.push_context import PushContext
from localmesh.proxy.listeners import HttpFilter, Listener, TrafficDirection


def gateway_listeners(servers: Sequence[OpenServer], context: PushContext) -> Iterator[Listener]:
    """Yield one listener for each port; servers on one port share it."""
    for number, port in {opened.port.number: opened.port for opened in servers}.items():
        address = context.addresses.gateway(port)
        if address:
            name = f"0.0.0.0_{number}"
            tokens = token_authentications(policies_of(port.pod, RequestAuthentication, context), clears_route=True)
            policies = policies_of(port.pod, AuthorizationPolicy, context)
            guards: tuple[HttpFilter, ...] = (*tokens, *authorizations(policies, OpenPort(address, number)))
            chains = (chain(gateway_manager(name, routes_name(number), guards)),)
            yield Listener(name, address, TrafficDirection.OUTBOUND, chains, shared=True)
