"""`mesh explain`: which rule a request meets, why no earlier one, where it goes; with `--send`, what came of it.

The answer is read from what the Envoy that decides runs at this moment, not from what was applied.
"""

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from localmesh.cli import pages, trace
from localmesh.cli.explain_access import OtherSide, access_lines, as_it_arrives
from localmesh.cli.proxies import Inventory, PodProxy, kubectl
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object
from localmesh.envoy.dump import Dump
from localmesh.envoy.matching import ConsideredRoute, Request, steps, taken, virtual_host
from localmesh.kinds.addresses import addresses_of
from localmesh.telemetry import route_words, rules
from localmesh.telemetry.cluster_words import policies_in_words

GATEWAY = "deploy/istio-ingressgateway.istio-system"
MANAGER = "envoy.filters.network.http_connection_manager"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh explain`."""
    parser = commands.add_parser("explain", help="say which rule a request meets, and why no earlier one")
    parser.add_argument("url", help="/PATH at the gateway, or http://HOST/PATH")
    parser.add_argument("--from", dest="source", metavar="PROXY", default="",
                        help="who asks: a pod or deploy/NAME, else a stranger at the gateway")  # fmt: skip
    parser.add_argument("-n", "--namespace", help="of PROXY (istioinaction, if the context's has no such)")
    parser.add_argument("-X", "--request", default="GET", metavar="METHOD")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--send", action="store_true", help="send it, too, and draw what became of it")
    parser.set_defaults(run=run)


class Entrance(Struct, frozen=True):
    """The Envoy that decides, and where it takes requests."""

    proxy: PodProxy
    port: int
    """On loopback."""

    is_gateway: bool


def run(arguments: argparse.Namespace) -> int:
    """Explain one request. Returns 1 when no route takes it."""
    client = kubectl()
    inventory = Inventory.ask(client, arguments.namespace)
    place = _place(inventory, arguments.source, pages.services_of(client))
    request = request_of(arguments.url, place, arguments.request, arguments.header)
    dump, hosts = asyncio.run(_ask(place.proxy))
    print(f"{request.method} http://{request.authority}{request.target}, as {place.proxy.name} decides:")
    routes = configuration_at(dump, place)
    owner = virtual_host(routes, request.authority)
    met = steps(owner, request) if owner else []
    endpoints = endpoints_of(hosts, pods_by_port(inventory.objects))
    taken_route = TakenRoute(request, taken(met) or {}, endpoints)
    beyond = asyncio.run(_beyond(inventory, inventory.principal(place.proxy.name), dump, taken_route))
    for line in lines(owner, met, endpoints, beyond):
        print(f"  {line}")
    if arguments.send:
        trace.send(client, request, None if place.is_gateway else place.port)
    return 0 if taken(met) else 1


def _place(inventory: Inventory, source: str, services: Sequence[Object]) -> Entrance:
    """Return who decides. Raises MeshError."""
    if not source:
        (proxy, *_) = inventory.find(GATEWAY)
        return Entrance(proxy, trace.gateway_port(services), is_gateway=True)
    name = source if "/" in source else f"deploy/{source}"
    try:
        (proxy, *_) = inventory.find(name)
    except MeshError:
        if "." in name or inventory.namespace == trace.STOREFRONT:
            raise
        (proxy, *_) = inventory.find(f"{name}.{trace.STOREFRONT}")
    for pod in inventory.objects:
        addresses = addresses_of(pod) if pod["kind"] == "Pod" else None
        is_its = proxy.name == f"{pod['metadata']['name']}.{pod['metadata']['namespace']}"
        if is_its and addresses and addresses.http_proxy:
            return Entrance(proxy, addresses.http_proxy, is_gateway=False)
    raise MeshError(f"{proxy.name} takes no requests of its own: name a pod with a sidecar")


def request_of(url: str, place: Entrance, method: str, headers: Sequence[str]) -> Request:
    """Return the request that a URL means. Raises MeshError."""
    gateway = f"127.0.0.1:{place.port}" if place.is_gateway and url.startswith("/") else ""
    try:
        parts = urlsplit(url if "://" in url else f"http://{gateway}{url}")
    except ValueError as error:
        raise MeshError(f"{url!r}: {error}") from error
    if parts.scheme != "http" or not parts.netloc:
        raise MeshError(f"{url!r}: say http://HOST/PATH" + (", or /PATH at the gateway" if place.is_gateway else ""))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Request(parts.netloc, target, method.upper(), trace.headers_of(headers))


async def _ask(proxy: PodProxy) -> tuple[Dump, list[dict[str, Any]]]:
    return await Dump.of(proxy.admin), await proxy.admin.clusters()


class HostStatus(Struct, frozen=True):
    """One endpoint of a cluster."""

    pod: str
    host: str
    port: int
    is_healthy: bool


class TakenRoute(Struct, frozen=True):
    """A request, the route that takes it, and where that may lead."""

    request: Request
    route: Mapping[str, Any]
    """Nothing if none takes it."""

    endpoints: Mapping[str, Sequence[HostStatus]]
    """Of all clusters, by name."""


async def _beyond(inventory: Inventory, principal: str, dump: Dump, taken_route: TakenRoute) -> dict[str, list[str]]:
    """Return what is to be said of each cluster that the request may go to, by its name."""
    clusters = {cluster["name"]: cluster for cluster in dump.clusters}
    route, lines_by_name = taken_route.route, dict[str, list[str]]()
    for name in clusters_of(route):
        cluster = clusters.get(name, {})
        lines_by_name[name] = [*policies_in_words(cluster, route.get("route", {}).get("hash_policy", ()))]
        target = next((target for target in taken_route.endpoints.get(name, ()) if target.is_healthy), None)
        proxy = inventory.proxy_of_pod(target.pod) if target else None
        if target and proxy:
            side = OtherSide(await Dump.of(proxy.admin), target.port)
            arriving = as_it_arrives(taken_route.request, route)
            lines_by_name[name] += access_lines(cluster, side, principal, arriving)
    return lines_by_name


def configuration_at(dump: Dump, place: Entrance) -> Mapping[str, Any]:
    """Return the routes of the listener that takes the request. Raises MeshError when there is none."""
    for listener in dump.listeners:
        if listener.get("address", {}).get("socket_address", {}).get("port_value") == place.port:
            for manager in _managers(listener):
                if "route_config" in manager:
                    return dict(manager["route_config"])
                name = manager.get("rds", {}).get("route_config_name")
                return next((dict(routes) for routes in dump.routes if routes.get("name") == name), {"name": name})
    raise MeshError(f"{place.proxy.name} does not listen on port {place.port}: is there a Gateway? kubectl get gw -A")


def _managers(listener: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for chain in listener.get("filter_chains", ()):
        for network_filter in chain.get("filters", ()):
            if network_filter["name"] == MANAGER:
                yield network_filter["typed_config"]


def pods_by_port(objects: Sequence[Object]) -> dict[int, str]:
    """Return which pod answers on each local port."""
    return {
        port: pod["metadata"]["name"]
        for pod in objects
        if pod["kind"] == "Pod" and (addresses := addresses_of(pod))
        for port in (*addresses.inbound.values(), *addresses.app.values())
    }


def endpoints_of(statuses: Sequence[Mapping[str, Any]], pods: Mapping[int, str]) -> dict[str, list[HostStatus]]:
    """Return each cluster's endpoints as Envoy sees them."""

    def target(host: Mapping[str, Any]) -> HostStatus:
        address = host.get("address", {}).get("socket_address", {})
        port = address.get("port_value", 0)
        return HostStatus(pods.get(port, ""), address.get("address", ""), port, rules.is_healthy(host))

    return {status["name"]: [target(host) for host in status.get("host_statuses", ())] for status in statuses}


def clusters_of(route: Mapping[str, Any]) -> list[str]:
    """Return the names of the clusters to which a route sends requests."""
    action = route.get("route", {})
    shares = action.get("weighted_clusters", {}).get("clusters") or [{"name": action.get("cluster", "")}]
    return [share["name"] for share in shares if share["name"]]


def lines(
    owner: Mapping[str, Any] | None,
    met: Sequence[ConsideredRoute],
    endpoints: Mapping[str, Sequence[HostStatus]],
    beyond: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Yield the explanation, line by line; `beyond` is what is to be said of a cluster by its name."""
    if owner is None:
        yield "no virtual host has this host: 404 (NR)"
        return
    yield f"virtual host {owner.get('name', '')} (domains {', '.join(owner.get('domains', ())[:3])})"
    for step in met:
        whose = rules.object_of(step.route) or "the default route"
        condition = f"{whose}, for {route_words.match_in_words(step.route.get('match', {}))}"
        yield f"✗ {condition}: {step.why_not}" if step.why_not else f"✓ {condition}"
    route = taken(met)
    if route is None:
        yield "no route takes it: 404 (NR)"
        return
    yield f"→ {route_words.action_in_words(route)}"
    for deed in route_words.deeds_in_words(route):
        yield f"  {deed}"
    if "route" not in route:
        return
    action = route["route"]
    for name in clusters_of(route):
        yield from _cluster_lines(name, endpoints.get(name))
        yield from (f"    {line}" for line in beyond.get(name, ()) if name in endpoints)
    yield f"retries: {route_words.retries_in_words(action.get('retry_policy'))}"
    limit = action.get("timeout", "0s")
    yield f"timeout: {'none' if limit == '0s' else f'{limit} for all tries together'}"


def _cluster_lines(name: str, targets: Sequence[HostStatus] | None) -> Iterator[str]:
    words = route_words.cluster_in_words(name)
    if targets is None:
        yield f"  {words}: there is no such cluster: 503 (NC)"
        return
    healthy = sum(target.is_healthy for target in targets)
    none = "" if healthy else ": 503 (UH)"
    yield f"  {words}: {healthy} of {len(targets)} endpoints healthy{none}"
    for target in targets:
        yield f"    {target.pod or 'unknown'} {target.host}:{target.port}{'' if target.is_healthy else ', not healthy'}"
