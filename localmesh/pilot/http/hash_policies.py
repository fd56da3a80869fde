"""What of a request is hashed on its way to a destination, as the destination's DestinationRule says.

Source: HashForHTTPDestination, hashForService and ConsistentHashToHashPolicy in
pilot/pkg/networking/core/route/route.go of Istio 1.31.
"""

from localmesh.kinds.durations import parse_any_duration
from localmesh.kinds.istio.hosts import resolve
from localmesh.kinds.istio.types.destination_rule import (
    ConsistentHashLB,
    HTTPCookie,
    PortTrafficPolicy,
    TrafficPolicy,
)
from localmesh.kinds.istio.types.virtual_service import Destination
from localmesh.pilot.config.imports import imported_by
from localmesh.pilot.config.traffic_policies import port_setting
from localmesh.pilot.http.caller import Caller
from localmesh.pilot.registry.services import Service
from localmesh.proxy.hash_policies import HashCookie, HashHeader, HashPolicy, HashQueryParameter, HashSourceIp


def destination_hash(destination: Destination, namespace: str, caller: Caller) -> ConsistentHashLB | None:
    """Return what is hashed for a destination of a VirtualService in a namespace.

    First what is said of the subset's port, then of the subset, of the port, of all. Ports count only where the
    destination names one.
    """
    service = _known(resolve(destination.host, namespace), caller)
    if service is None:
        return None
    rule = caller.context.destination_rules.for_clients(service, caller.view)
    subset = rule.subset(destination.subset)
    own, whole = subset.traffic_policy if subset else None, rule.traffic_policy
    port = destination.port.number if destination.port else None
    on_port = [None if port is None else _hash(port_setting(policy, port)) for policy in (own, whole)]
    return on_port[0] or _hash(own) or on_port[1] or _hash(whole)


def _known(host: str, caller: Caller) -> Service | None:
    """Return the Service of that full name if the clients know of it."""
    service = caller.context.services.find(host, caller.view.namespace)
    return service or imported_by(caller.view, caller.context).get(host)


def service_hash(service: Service, caller: Caller) -> ConsistentHashLB | None:
    """Return what is hashed for a Service's port that no VirtualService speaks of."""
    policy = caller.context.destination_rules.for_clients(service, caller.view).traffic_policy
    return _hash(port_setting(policy, caller.port)) or _hash(policy)


def _hash(policy: TrafficPolicy | PortTrafficPolicy | None) -> ConsistentHashLB | None:
    return policy.load_balancer.consistent_hash if policy and policy.load_balancer else None


def hash_policies(*settings: ConsistentHashLB | None) -> tuple[HashPolicy, ...]:
    """Return what is hashed, where it is said."""
    policies = (_hash_policy(setting) for setting in settings if setting)
    return tuple(policy for policy in policies if policy)


def _hash_policy(settings: ConsistentHashLB) -> HashPolicy | None:
    if settings.http_header_name is not None:
        return HashHeader(settings.http_header_name)
    if settings.http_cookie:
        return _cookie(settings.http_cookie)
    if settings.use_source_ip is not None:
        return HashSourceIp(settings.use_source_ip)
    return (
        None if settings.http_query_parameter_name is None else HashQueryParameter(settings.http_query_parameter_name)
    )


def _cookie(cookie: HTTPCookie) -> HashCookie:
    return HashCookie(
        cookie.name,
        None if cookie.ttl is None else parse_any_duration(cookie.ttl),
        cookie.path,
        tuple((attribute.name, attribute.value) for attribute in cookie.attributes),
    )
