"""What the order of a push is worth: requests lost and time taken, in the right order and with routes first.

    python -m bench.push [--rounds N]

One Envoy, two backends, a stream of requests. Each push renames the cluster that they go to, so that a route leads to
one that was not there before. The two orders take turns under the same load, so that a busy machine slows both alike.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from localmesh.core.errors import MeshError
from localmesh.envoy.folder import Document, endpoint_documents, route_documents
from localmesh.envoy.push import Pusher
from localmesh.envoy.resources import Resources
from localmesh.envoy.subscriptions import subscriptions
from tests.localmesh.envoy.world import Stream, World, backends, stream, until, world

Push = Callable[[Resources], Awaitable[None]]


@dataclass
class Tally:
    """What one order cost."""

    requests: int = 0
    lost: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        middle, worst = statistics.median(self.milliseconds), max(self.milliseconds)
        share = 100 * self.lost / self.requests
        return f"{self.requests:>9} {self.lost:>6} {share:>7.2f} % {middle:>10.1f} ms {worst:>8.1f} ms"


async def in_order(pusher: Pusher, wanted: Resources) -> None:
    """Push as the local mesh does, and take the old cluster away at once."""
    result = await pusher.push(wanted)
    if result.outcome != "accepted":
        raise RuntimeError(str(result))
    await pusher.sweep(wanted, superseded=lambda: False)


async def routes_first(envoy: World, wanted: Resources) -> None:
    """Push routes before the clusters that they lead to."""
    routes, clusters = route_documents(wanted), Document.of("cds", wanted.cds)
    for documents in (routes, [clusters]):
        envoy.folder.write(documents)
        await until(lambda documents=documents: runs(envoy, documents))


async def runs(envoy: World, documents: list[Document]) -> bool:
    current = await subscriptions(envoy.admin)
    found = [current.get(document.kind, document.name) for document in documents]
    return all(state and state.version == document.version for state, document in zip(found, documents, strict=True))


async def measure(push: Push, wanted: Resources, requests: Stream, tally: Tally) -> None:
    """Push under load and count what came of the requests meanwhile and shortly after."""
    answered, lost = requests.total, requests.failures.total()
    began = time.perf_counter()
    await push(wanted)
    tally.milliseconds.append(1000 * (time.perf_counter() - began))
    await requests.more(50)
    tally.requests += requests.total - answered
    tally.lost += requests.failures.total() - lost


async def run(rounds: int) -> dict[str, Tally]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as envoy, backends("one", "two") as ports:
            pusher = Pusher(envoy.folder, envoy.admin, envoy.log.read_text)
            orders: dict[str, Push] = {
                "endpoints, clusters, routes": lambda wanted: in_order(pusher, wanted),
                "routes, then clusters": lambda wanted: routes_first(envoy, wanted),
            }
            tallies = {name: Tally() for name in orders}
            endpoints = cycle(ports.values())
            envoy.folder.write_all(envoy.resources({"start": ports["one"]}, to="start"))
            await envoy.start()
            async with stream(envoy.port) as requests:
                for number in range(rounds):
                    for name, push in orders.items():
                        cluster = f"outbound|80|{number}|{name}"
                        wanted = envoy.resources({cluster: next(endpoints)}, to=cluster)
                        envoy.folder.write(endpoint_documents(wanted))
                        await measure(push, wanted, requests, tallies[name])
            return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="pushes in each order (100)")
    try:
        tallies = asyncio.run(run(parser.parse_args().rounds))
    except MeshError as error:
        parser.exit(1, f"bench: {error}\n")
    print(f"{'order':<30} {'requests':>9} {'lost':>6} {'':>9} {'push, median':>13} {'worst':>11}")
    for name, tally in tallies.items():
        print(f"{name:<30} {tally}")


if __name__ == "__main__":
    main()
