"""`mesh proxy-status`: whether each Envoy runs what was delivered to it, in istioctl's table."""

import argparse
import asyncio
import json
from collections.abc import Sequence

from localmesh.cli.proxies import REFERENCE, Inventory, Proxy, kubectl
from localmesh.cli.tables import table
from localmesh.envoy.admin import AdminUnreachableError
from localmesh.envoy.status import KINDS, sync_status

HEADER = ("NAME", "CLUSTER", *(kind.upper() for kind in KINDS), "ISTIOD", "VERSION")
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
    """Print a line for each proxy."""
    inventory = Inventory.ask(kubectl(), arguments.namespace)
    proxies = inventory.find(arguments.reference) if arguments.reference else inventory.proxies(arguments.namespace)
    rows = asyncio.run(_rows(proxies))
    if arguments.output == "json":
        print(json.dumps([dict(zip(HEADER, row, strict=True)) for row in rows], indent=4))
    else:
        print(table([HEADER, *rows]))
    return 0


async def _rows(proxies: Sequence[Proxy]) -> list[tuple[str, ...]]:
    return [row for row in await asyncio.gather(*map(_row, proxies)) if row]


async def _row(proxy: Proxy) -> tuple[str, ...] | None:
    """Return a proxy's line, None while it does not run: istiod, too, knows only those that are connected to it."""
    try:
        states = await sync_status(proxy.admin)
    except AdminUnreachableError:
        return None
    return (proxy.name, "Kubernetes", *(states[kind] for kind in KINDS), "localmesh", proxy.version)
