"""What telemetry adds to a proxy's resources, in one step behind emission: metrics under Istio's names, and traces."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from localmesh.envoy import stats
from localmesh.envoy.emit.messages import Message, any_of
from localmesh.envoy.memo import Memo
from localmesh.envoy.resources import Resource, Resources
from localmesh.envoy.stats import Identity

COLLECTOR = "zipkin"
"""The cluster to which spans go."""

RUNTIME: Mapping[str, int] = {
    # Five seconds by default: whoever looks for the trace of a request would look in vain.
    "tracing.zipkin.flush_interval_ms": 1000,
    # Writing spans down takes Envoy longer than in proportion to their number; each body costs the receiver.
    "tracing.zipkin.min_flush_spans": 10,
}
"""What Envoy's tracer takes from its runtime."""

DETAILS = "response_code_details"
"""The tag of spans that says in Envoy's words where an answer came from."""

_MIRRORED = {
    "append": {"header": {"key": stats.MIRRORED, "value": "true"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
}
"""What a mirrored request gets, and no other keeps."""

_MANAGER = "envoy.filters.network.http_connection_manager"


class Telemetry(Struct, frozen=True):
    """What is to be added."""

    metrics: bool = True
    collector: Path | None = None
    """The Unix socket that takes spans, None for no traces."""

    sampling: float = 100.0
    """Percentage of the requests that begin a trace, for proxies of which nobody says another one."""


class _Own:
    """What one workload's resources become: they name it."""

    def __init__(self, identity: Identity, telemetry: Telemetry) -> None:
        self.listeners: Memo[Resource, Resource] = Memo(partial(_listener, identity=identity, telemetry=telemetry))
        self.routes: Memo[Resource, Resource] = Memo(partial(_routes, identity=identity))


class Dresser:
    """Adds telemetry to proxies' resources, to what they share once. What was emitted stays as it is."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._collector = [_collector(telemetry.collector)] if telemetry.collector else []
        self._clusters: Memo[Resource, Resource] = Memo(_cluster)
        self._endpoints: Memo[Resource, Resource] = Memo(_assignment)
        self._own: dict[tuple[Identity, float], _Own] = {}
        """By whose it is, and its sampling."""

        self._asked: set[tuple[Identity, float]] = set()

    def dress(self, resources: Resources, identity: Identity, sampling: float | None = None) -> Resources:
        """Return a proxy's resources with telemetry added; it samples as all do unless a percentage is said."""
        whose = identity, self._telemetry.sampling if sampling is None else sampling
        if whose not in self._own:
            self._own[whose] = _Own(identity, replace(self._telemetry, sampling=whose[1]))
        self._asked.add(whose)
        own = self._own[whose]
        clusters = [*map(self._clusters.get, resources.cds), *self._collector]
        return replace(
            resources,
            lds=list(map(own.listeners.get, resources.lds)),
            rds=list(map(own.routes.get, resources.rds)),
            cds=sorted(clusters, key=lambda cluster: str(cluster["name"])),
            eds=list(map(self._endpoints.get, resources.eds)),
        )

    def forget(self) -> None:
        """Forget what was not dressed since this was called last."""
        self._own = {whose: own for whose, own in self._own.items() if whose in self._asked}
        self._asked.clear()
        for own in self._own.values():
            own.listeners.forget()
            own.routes.forget()
        self._clusters.forget()
        self._endpoints.forget()


def _listener(listener: Resource, identity: Identity, telemetry: Telemetry) -> Resource:
    inbound = listener.get("traffic_direction") == "INBOUND"

    def chain(filter_chain: Message) -> Message:
        secured = "transport_socket" in filter_chain
        filters = [
            _network_filter(network_filter, identity, telemetry, inbound, secured)
            for network_filter in filter_chain.get("filters", ())
        ]
        return {**filter_chain, "filters": filters}

    chains = (
        {"filter_chains": [chain(filter_chain) for filter_chain in listener["filter_chains"]]}
        if "filter_chains" in listener
        else {}
    )
    default = {name: chain(listener[name]) for name in ("default_filter_chain",) if name in listener}
    return {**listener, **chains, **default}


def _network_filter(
    network_filter: Message, identity: Identity, telemetry: Telemetry, inbound: bool, secured: bool
) -> Message:
    """Return a connection manager dressed, any other filter as it is."""
    if network_filter["name"] != _MANAGER:
        return network_filter
    manager = dict(network_filter["typed_config"])
    denies = stats.can_deny(manager["http_filters"])
    if telemetry.metrics:
        tags = stats.labels(identity, inbound=inbound, secured=secured)
        counting = [stats.calls(tags), *([stats.denials(tags)] if denies else [])]
        manager["access_log"] = [*manager.get("access_log", ()), *counting]
        filters = manager["http_filters"]
        manager["http_filters"] = [stats.who_calls(), *filters] if inbound else stats.with_attempts(filters, tags)
    if telemetry.collector:
        manager["tracing"] = _tracing(telemetry.sampling, spawns=not inbound, denies=denies)
    if "route_config" in manager and not inbound:
        manager["route_config"] = _routes(manager["route_config"], identity)
    return {**network_filter, "typed_config": manager}


def _tracing(sampling: float, *, spawns: bool, denies: bool) -> Message:
    """Return how a connection manager traces: whether each try is a span, and whether spans say why one was denied."""
    zipkin = any_of(
        "envoy.config.trace.v3.ZipkinConfig",
        collector_cluster=COLLECTOR,
        collector_endpoint="/api/v2/spans",
        # In JSON, spans cost both Envoys of a call twice as much.
        collector_endpoint_version="HTTP_PROTO",
        collector_hostname="zipkin.istio-system",
        trace_id_128bit=True,
        shared_span_context=False,
        # Istio's own is B3 alone; services that speak W3C are in the same trace with both.
        trace_context_option="USE_B3_WITH_W3C_PROPAGATION",
    )
    return {
        "provider": {"name": "envoy.tracers.zipkin", "typed_config": zipkin},
        "client_sampling": {"value": 100},
        "random_sampling": {"value": sampling},
        "overall_sampling": {"value": 100},
        "spawn_upstream_span": spawns,
        **({"custom_tags": [{"tag": DETAILS, "value": "%RESPONSE_CODE_DETAILS%"}]} if denies else {}),
    }


def _collector(path: Path) -> Resource:
    endpoint = {"address": {"pipe": {"path": str(path)}}}
    return {
        "name": COLLECTOR,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": COLLECTOR, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
    }


def _routes(configuration: Resource, identity: Identity) -> Resource:
    """Return a route configuration that names the caller in headers, and in its routes the rule they come from."""
    headers = [
        {"header": {"key": f"{stats.HEADER}{name}", "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in identity.fields().items()
    ]
    hosts = [
        {**host, "routes": [_route(route) for route in host.get("routes", ())]}
        for host in configuration.get("virtual_hosts", ())
    ]
    return {
        **configuration,
        "virtual_hosts": hosts,
        "request_headers_to_add": [*configuration.get("request_headers_to_add", ()), *headers],
        "request_headers_to_remove": [*configuration.get("request_headers_to_remove", ()), stats.MIRRORED],
    }


def _route(route: Message) -> Message:
    path = _istio(route).get("config")
    if not path:
        return route
    named = _with_metadata(route, stats.MESH, {"rule": rule_of(str(path), route)})
    action = route.get("route", {})
    if "request_mirror_policies" not in action:
        return named
    mirrors = [{**mirror, "request_headers_mutations": [_MIRRORED]} for mirror in action["request_mirror_policies"]]
    return {**named, "route": {**action, "request_mirror_policies": mirrors}}


def rule_of(path: str, route: Mapping[str, Any]) -> str:
    """Return the name of a rule: namespace and name of its object, and a digest of what it matches and does."""
    words = path.split("/")
    content = json.dumps([route.get("match"), _without_metadata(route)], sort_keys=True)
    return f"{words[-3]}/{words[-1]}/{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _without_metadata(route: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in route.items() if name not in ("metadata", "decorator", "match")}


def _cluster(cluster: Resource) -> Resource:
    services = _istio(cluster).get("services")
    return _with_metadata(cluster, stats.SERVICE, services[0]) if services else cluster


def _assignment(assignment: Resource) -> Resource:
    if "endpoints" not in assignment:
        return assignment
    groups = [
        {**group, "lb_endpoints": [_endpoint(endpoint) for endpoint in group.get("lb_endpoints", ())]}
        for group in assignment["endpoints"]
    ]
    return {**assignment, "endpoints": groups}


def _endpoint(endpoint: Message) -> Message:
    """Return an endpoint with its workload's parts one by one: Envoy's formats cannot take a text apart."""
    words = str(_istio(endpoint).get("workload", "")).split(";")
    if len(words) < 4:  # noqa: PLR2004 -- name;namespace;canonical name;revision;cluster
        return endpoint
    return _with_metadata(endpoint, stats.PEER, Identity(*words[:4]).fields())


def _istio(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = (message.get("metadata") or {}).get("filter_metadata", {}).get("istio") or {}
    return metadata


def _with_metadata(message: Message, namespace: str, fields: Mapping[str, Any]) -> Message:
    metadata = message.get("metadata") or {}
    filters = {**metadata.get("filter_metadata", {}), namespace: dict(fields)}
    return {**message, "metadata": {**metadata, "filter_metadata": filters}}
