"""Routes in envoy.config.route.v3."""

from collections.abc import Sequence

from localmesh.envoy.protobuf import Message, any_of, duration, given, istio_metadata
from localmesh.proxy.actions import RetryPolicy, Share
from localmesh.proxy.matches import HeaderMatch, RouteMatch, Text, TextMatch
from localmesh.proxy.routes import Route, RouteConfiguration, VirtualHost

MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024

_NO_LIMIT = {"max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"}}
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": any_of("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
}


def route_configuration(routes: RouteConfiguration) -> Message:
    """Return a RouteConfiguration that is served by name.

    A route may name a cluster that is not there: such requests get 503, not the whole configuration refused.
    """
    return {
        "name": routes.name,
        "virtual_hosts": [virtual_host(host) for host in routes.virtual_hosts],
        "validate_clusters": False,
        "max_direct_response_body_size_bytes": MAX_DIRECT_RESPONSE_BYTES,
        "ignore_port_in_host_matching": True,
    }


def inline_route_configuration(routes: RouteConfiguration) -> Message:
    """Return a RouteConfiguration that is part of its listener."""
    hosts = [virtual_host(host) for host in routes.virtual_hosts]
    return {"name": routes.name, "virtual_hosts": hosts, "validate_clusters": False}


def virtual_host(host: VirtualHost) -> Message:
    """Return a VirtualHost."""
    return given(
        name=host.name,
        domains=list(host.domains),
        routes=[_route(route) for route in host.routes],
        include_request_attempt_count=host.counts_attempts or None,
    )


def _route(route: Route) -> Message:
    return given(
        name=route.name or None,
        match=_match(route.match),
        route=_action(route),
        metadata=istio_metadata(config=route.config),
        decorator={"operation": route.operation} if route.operation else None,
    )


def _match(match: RouteMatch) -> Message:
    return given(
        **_path(match.path),
        case_sensitive=match.conditional or None,
        headers=[_header(header) for header in match.headers] or None,
    )


def _path(path: TextMatch) -> Message:
    return {"path": path.value} if path.kind is Text.EXACT else {"prefix": path.value}


def _header(header: HeaderMatch) -> Message:
    if header.text.kind is Text.PRESENT:
        return {"name": header.name, "present_match": True}
    return {"name": header.name, "string_match": {header.text.kind.value: header.text.value}}


def _action(route: Route) -> Message:
    """Return a RouteAction.

    Towards the application nothing limits a request, not even a gRPC client's own deadline. Elsewhere the deprecated
    `max_grpc_timeout` limits that: with `max_stream_duration` Envoy would no longer look at `timeout`.
    """
    limit = duration(route.timeout)
    return given(
        **_destinations(route.destinations),
        timeout=limit,
        retry_policy=_retry_policy(route.retry) if route.retry else None,
        **(_NO_LIMIT if route.server_side else {"max_grpc_timeout": limit}),
    )


def _destinations(shares: Sequence[Share]) -> Message:
    if shares[0].weight is None:
        return {"cluster": shares[0].cluster}
    return {"weighted_clusters": {"clusters": [{"name": each.cluster, "weight": each.weight} for each in shares]}}


def _retry_policy(retry: RetryPolicy) -> Message:
    """Return a RetryPolicy; 64-bit numbers are strings in protobuf's JSON."""
    avoids = retry.host_attempts is not None
    return given(
        retry_on=retry.conditions,
        num_retries=retry.retries,
        per_try_timeout=duration(retry.per_try_timeout) if retry.per_try_timeout else None,
        retry_host_predicate=[_PREVIOUS_HOSTS] if avoids else None,
        host_selection_retry_max_attempts=str(retry.host_attempts) if avoids else None,
        retriable_status_codes=list(retry.statuses) or None,
    )
