"""What pushes cost: requests lost and the time to Envoy's last ACK, as the mesh pushes and with routes first.

    python -m bench.push [--rounds N] [--connections N]

One Envoy on the mesh's own stream, two backends, requests without a pause from a process beside this one. Each push
adds and removes clusters, subsets, routes and endpoints, at random with a seed; what is gone is taken away after
`--linger` seconds, before the next push. The two orders take turns under the same load, so that a busy machine slows
both alike.
"""

import argparse
import asyncio
import gc
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from localmesh.core.errors import MeshError
from localmesh.envoy.push import Pusher
from localmesh.envoy.resources import Configuration, ResourceType
from localmesh.envoy.wire import encode_all
from tests.localmesh.envoy.world import World, backends, random_resources, stream, world

Push = Callable[[Configuration], Awaitable[None]]
BACKENDS = ("one", "two")
ROUTES_FIRST = (ResourceType.ENDPOINT, ResourceType.ROUTE, ResourceType.LISTENER, ResourceType.CLUSTER)


@dataclass
class Tally:
    """What one order cost."""

    requests: int = 0
    lost: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.milliseconds)
        p99 = times[max(0, -(-len(times) * 99 // 100) - 1)]
        numbers = f"{len(times):>7} {self.requests:>9} {self.lost:>6} {100 * self.lost / max(self.requests, 1):>7.2f} %"
        return f"{numbers} {statistics.median(times):>8.1f} ms {p99:>8.1f} ms {times[-1]:>8.1f} ms"


class Load:
    """Backends and requests in a process of their own: this one measures pushes."""

    def __init__(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        # Spawned, not forked: gRPC has threads.
        self._process = multiprocessing.get_context("spawn").Process(target=_load, args=(theirs,), daemon=True)
        self._process.start()
        self.ports: dict[str, int] = dict(zip(BACKENDS, self._pipe.recv(), strict=True))

    def begin(self, port: int, connections: int) -> None:
        self._pipe.send((port, connections))

    async def totals(self) -> tuple[int, int]:
        """Return how many requests were answered with 200, and how many were not."""
        self._pipe.send(None)
        answered, lost = await asyncio.to_thread(self._pipe.recv)
        return answered, lost

    async def more(self, count: int) -> None:
        """Wait until that many more requests have ended."""
        goal = sum(await self.totals()) + count
        while sum(await self.totals()) < goal:  # noqa: ASYNC110 - it is another process that counts
            await asyncio.sleep(0.005)

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _load(pipe: Connection) -> None:
    asyncio.run(_serve_and_ask(pipe))


async def _serve_and_ask(pipe: Connection) -> None:
    async with backends(*BACKENDS) as ports:
        pipe.send(list(ports.values()))
        port, connections = await asyncio.to_thread(pipe.recv)
        async with stream(port, connections) as requests:
            while True:
                await asyncio.to_thread(pipe.recv)
                pipe.send((requests.answers.total(), requests.failures.total()))


async def as_the_mesh_does(pusher: Pusher, configuration: Configuration) -> None:
    """Push, and have nothing but what is wanted left when the time is over."""
    result = await pusher.push(configuration)
    if result.outcome != "accepted":
        raise RuntimeError(str(result))


async def routes_first(envoy: World, configuration: Configuration) -> None:
    """Push routes before the clusters that they lead to."""
    for type_ in ROUTES_FIRST:
        envoy.channel.serve(type_, configuration[type_])
        if refusal := await envoy.channel.settled(type_):
            raise RuntimeError(refusal)


async def measure(push: Push, configuration: Configuration, load: Load, tally: Tally, done: Push) -> None:
    """Push under load and count what came of the requests meanwhile and shortly after."""
    answered, lost = await load.totals()
    began = time.perf_counter()
    await push(configuration)
    tally.milliseconds.append(1000 * (time.perf_counter() - began))
    await load.more(100)
    await done(configuration)
    await load.more(100)
    now_answered, now_lost = await load.totals()
    tally.requests += now_answered + now_lost - answered - lost
    tally.lost += now_lost - lost


@dataclass(frozen=True)
class Bench:
    """What is measured, and how hard."""

    rounds: int
    connections: int
    linger_s: float

    async def run(self) -> dict[str, Tally]:
        load = Load()
        try:
            with tempfile.TemporaryDirectory() as folder:
                async with world(Path(folder)) as envoy:
                    return await self._measured(envoy, load)
        finally:
            load.end()

    async def _measured(self, envoy: World, load: Load) -> dict[str, Tally]:
        pusher, seeded = Pusher(envoy.channel), random.Random(1)
        envoy.serve(random_resources(envoy, seeded, load.ports))
        await envoy.start()
        gc.freeze()  # as the supervisor does
        load.begin(envoy.port, self.connections)
        await load.more(100)

        async def sweep(configuration: Configuration) -> None:
            await asyncio.sleep(self.linger_s)
            await pusher.sweep(configuration, superseded=lambda: False)

        orders: dict[str, Push] = {
            "as the mesh does": lambda configuration: as_the_mesh_does(pusher, configuration),
            "routes, then clusters": lambda configuration: routes_first(envoy, configuration),
        }
        tallies = {name: Tally() for name in orders}
        for _ in range(self.rounds):
            for name, push in orders.items():
                configuration = encode_all(random_resources(envoy, seeded, load.ports))
                await measure(push, configuration, load, tallies[name], sweep)
        return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="pushes in each order (200)")
    parser.add_argument("--connections", type=int, default=16, help="over which requests come (16)")
    parser.add_argument("--linger", type=float, default=0.1, help="seconds until what is gone is taken away (0.1)")
    given = parser.parse_args()
    try:
        tallies = asyncio.run(Bench(given.rounds, given.connections, given.linger).run())
    except MeshError as error:
        parser.exit(1, f"bench: {error}\n")
    print(f"{'order':<24} {'pushes':>7} {'requests':>9} {'lost':>6} {'':>9} {'median':>11} {'p99':>11} {'worst':>11}")
    for name, tally in tallies.items():
        print(f"{name:<24} {tally}")


if __name__ == "__main__":
    main()
