"""`mesh proxy-status`: whether each Envoy runs what was delivered to it, in istioctl's table."""

import argparse
import json
from collections.abc import Mapping

from localmesh.cli.proxies import REFERENCE, Inventory, PodProxy, kubectl
from localmesh.cli.tables import table

SYNCZ = "/debug/syncz"
"""Where the mesh says it, as istiod does on its debug port."""

DISCOVERIES = ("CDS", "LDS", "EDS", "RDS")
HEADER = ("NAME", "CLUSTER", *DISCOVERIES, "ISTIOD", "VERSION")
"""istioctl's columns as the tutorial shows them. Today's only counts the types, and shows these with `-v 1`."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh proxy-status`."""
    parser = commands.add_parser(
        "proxy-status", aliases=["ps"], help="say for each proxy whether it runs what was delivered to it"
    )
    parser.add_argument(
        "reference", nargs="?", metavar=REFERENCE, help="one pod, or deploy/NAME; all proxies by default"
    )
    parser.add_argument("-n", "--namespace", help="only the proxies of one namespace")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each proxy that is connected: istiod, too, knows no others."""
    client = kubectl()
    inventory = Inventory.ask(client, arguments.namespace)
    proxies = inventory.find(arguments.reference) if arguments.reference else inventory.proxies(arguments.namespace)
    known = {entry["proxy"]: entry for entry in client.raw(SYNCZ)}
    rows = [_row(proxy, known[proxy.name]) for proxy in proxies if proxy.name in known]
    if arguments.output == "json":
        print(json.dumps([dict(zip(HEADER, row, strict=True)) for row in rows], indent=4))
    else:
        print(table([HEADER, *rows]))
    return 0


def _row(proxy: PodProxy, entry: Mapping[str, str]) -> tuple[str, ...]:
    return (proxy.name, entry["cluster_id"], *(entry[name] for name in DISCOVERIES), "localmesh", proxy.version)
