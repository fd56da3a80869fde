"""`mesh proxy-config`: what one Envoy runs, in istioctl's tables or as JSON."""

import argparse
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from localmesh.cli import cluster_tables, listener_table, route_table, secret_table
from localmesh.cli.proxies import REFERENCE, Inventory, PodProxy, kubectl
from localmesh.cli.tables import table
from localmesh.core.errors import MeshError
from localmesh.envoy.admin import Admin
from localmesh.envoy.dump import Dump

Show = Callable[[Admin, argparse.Namespace], Awaitable[str]]

LEVELS = ("trace", "debug", "info", "warning", "error", "critical", "off")
DEFAULT_LEVEL = "warning"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh proxy-config` with a command for each kind of configuration."""
    parser = commands.add_parser("proxy-config", aliases=["pc"], help="show what one Envoy runs")
    kinds = parser.add_subparsers(title="kinds", required=True, metavar="KIND")
    route = _add(kinds, "route", ("routes", "r"), _routes, "routes, and the VirtualService of each")
    route.add_argument("--name", help="only the route configuration of this name: 80, http.8080")
    cluster = _add(kinds, "cluster", ("clusters", "c"), _clusters, "clusters: services, their ports and subsets")
    for flag in ("fqdn", "subset", "direction"):
        cluster.add_argument(f"--{flag}", help=f"only clusters in whose {flag} this is a part")
    cluster.add_argument("--port", type=int, help="only clusters of this service port")
    endpoint = _add(kinds, "endpoint", ("endpoints", "ep"), _endpoints, "endpoints: where each cluster's pods answer")
    endpoint.add_argument("--cluster", help="only those of the cluster of this name")
    endpoint.add_argument("--port", type=int, help="only those on this port")
    endpoint.add_argument("--address", help="only those at this address")
    endpoint.add_argument("--status", help="only those of this health: HEALTHY, UNHEALTHY, DRAINING")
    listener = _add(kinds, "listener", ("listeners", "l"), _listeners, "listeners, and where each leads")
    listener.add_argument("--port", type=int, help="only the listener on this port")
    listener.add_argument("--address", help="only listeners on this address")
    listener.add_argument("--type", help="only listeners of this type: HTTP, TCP, HTTP+TCP")
    _add(kinds, "all", ("a",), _all, "all of them")
    _add_log(kinds)
    _add(kinds, "secret", ("secrets", "s"), _secrets, "certificates: the proxy's own, and whom it trusts")


def _add(
    kinds: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    aliases: Sequence[str],
    show: Show,
    purpose: str,
) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, aliases=list(aliases), help=purpose)
    parser.add_argument("reference", metavar=REFERENCE, help="a pod, or deploy/NAME")
    parser.add_argument("-n", "--namespace", help="where a name without .NAMESPACE is looked for")
    parser.add_argument("-o", "--output", choices=("short", "json"), default="short")
    parser.set_defaults(run=run, show=show)
    return parser


def _add_log(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = kinds.add_parser("log", aliases=["o"], help="levels of Envoy's loggers")
    parser.add_argument("reference", metavar=REFERENCE, help="a pod, or deploy/NAME for each of its pods")
    parser.add_argument("-n", "--namespace", help="where a name without .NAMESPACE is looked for")
    change = parser.add_mutually_exclusive_group()
    purpose = f"set them: http:debug,router:trace, or one level for all ({', '.join(LEVELS)})"
    change.add_argument("--level", type=levels, default={}, metavar="[LOGGER:]LEVEL,…", help=purpose)
    reset, purpose = {"level": DEFAULT_LEVEL}, f"set all to {DEFAULT_LEVEL}"
    change.add_argument("-r", "--reset", dest="level", action="store_const", const=reset, help=purpose)
    parser.set_defaults(run=run_log)


def levels(text: str) -> dict[str, str]:
    """Read `http:debug,router:trace` or `debug`; "level" stands for all loggers. Raises ArgumentTypeError."""
    by_logger = {}
    for item in text.split(","):
        logger, _, level = item.replace("=", ":").rpartition(":")
        if level not in LEVELS:
            raise argparse.ArgumentTypeError(f"{level!r} is no level: choose one of {', '.join(LEVELS)}")
        by_logger[logger or "level"] = level
    # All of them first, or it would undo the others.
    return dict(sorted(by_logger.items(), key=lambda item: item[0] != "level"))


def run(arguments: argparse.Namespace) -> int:
    """Print what the first of the proxies meant runs."""
    proxy = _find(arguments)[0]
    print(asyncio.run(arguments.show(proxy.admin, arguments)))
    return 0


def run_log(arguments: argparse.Namespace) -> int:
    """Set levels if asked to, and print those of each proxy meant."""
    for proxy in _find(arguments):
        print(f"{proxy.name}:\n{asyncio.run(proxy.admin.logging(arguments.level))}", end="")
    return 0


def _find(arguments: argparse.Namespace) -> list[PodProxy]:
    return Inventory.ask(kubectl(), arguments.namespace).find(arguments.reference)


async def _routes(admin: Admin, arguments: argparse.Namespace) -> str:
    routes = [item for item in (await Dump.of(admin)).routes if arguments.name in (None, item.get("name"))]
    return _shown(arguments, route_table.in_order(routes), lambda: table(route_table.rows(routes)))


async def _clusters(admin: Admin, arguments: argparse.Namespace) -> str:
    parts = [arguments.fqdn, arguments.subset, arguments.direction, arguments.port and f"|{arguments.port}|"]
    name_parts = [part for part in parts if part]
    clusters = [item for item in (await Dump.of(admin)).clusters if all(part in item["name"] for part in name_parts)]
    return _shown(
        arguments, cluster_tables.clusters_in_order(clusters), lambda: table(cluster_tables.cluster_rows(clusters))
    )


async def _endpoints(admin: Admin, arguments: argparse.Namespace) -> str:
    clusters = [_filtered(arguments, cluster) for cluster in await admin.clusters()]
    populated = [cluster for cluster in clusters if cluster["host_statuses"]]
    return _shown(arguments, populated, lambda: table(cluster_tables.endpoint_rows(populated)))


def _filtered(arguments: argparse.Namespace, cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cluster with those of its hosts that were asked for."""
    hosts = [
        host
        for _, host in cluster_tables.hosts_of([cluster])
        if arguments.cluster in (None, cluster["name"])
        and arguments.address in (None, cluster_tables.address_of(host)[0])
        and arguments.port in (None, cluster_tables.address_of(host)[1])
        and arguments.status in (None, cluster_tables.status_of(host))
    ]
    return {**cluster, "host_statuses": hosts}


async def _listeners(admin: Admin, arguments: argparse.Namespace) -> str:
    listeners = [
        listener
        for listener in (await Dump.of(admin)).listeners
        if arguments.address in (None, listener_table.address_of(listener)[0])
        and arguments.port in (None, listener_table.address_of(listener)[1])
        and arguments.type in (None, listener_table.type_of(listener))
    ]
    return _shown(arguments, listener_table.in_order(listeners), lambda: table(listener_table.rows(listeners), gap=1))


async def _all(admin: Admin, arguments: argparse.Namespace) -> str:
    """Return the four tables, or the whole config dump as JSON."""
    dump = await Dump.of(admin)
    if arguments.output == "json":
        return _json({"configs": dump.documents})
    tables = (
        table(cluster_tables.cluster_rows(dump.clusters)),
        table(listener_table.rows(dump.listeners), gap=1),
        table(route_table.rows(dump.routes)),
        table(cluster_tables.endpoint_rows(await admin.clusters())),
    )
    return "\n\n".join(tables)


async def _secrets(admin: Admin, arguments: argparse.Namespace) -> str:
    """Return the certificates; Envoy itself keeps keys out of what it tells."""
    secrets = (await Dump.of(admin)).secrets
    return _shown(arguments, secrets, lambda: table(secret_table.rows(secrets)))


def _shown(arguments: argparse.Namespace, items: Sequence[Mapping[str, Any]], as_table: Callable[[], str]) -> str:
    """Return the output asked for. Raises MeshError when nothing is left of what the proxy has."""
    if not items:
        raise MeshError(f"{arguments.reference} has nothing like that: try again without filters")
    return _json(items) if arguments.output == "json" else as_table()


def _json(document: Any) -> str:
    return json.dumps(_camel(document), indent=4, ensure_ascii=False)


def _camel(document: Any) -> Any:
    """Return a document with its fields named as istioctl names them; keys of metadata are data and stay."""
    if isinstance(document, Mapping):
        return {_field(key): value if key == "filter_metadata" else _camel(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_camel(item) for item in document]
    return document


def _field(key: str) -> str:
    """Return a field's name in camel case; the keys of Envoy's maps of extensions have dots, and stay."""
    return key if "." in key else re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), key)
