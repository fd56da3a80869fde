"""A small world for one real Envoy: backends, hand-written resources, a stream of requests."""

import asyncio
import random
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localmesh.envoy.admin import Admin
from localmesh.envoy.ads import AdsServer
from localmesh.envoy.bootstrap import EnvoyNode, Places, command
from localmesh.envoy.channel import Channel
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.push import PushResult
from localmesh.envoy.resources import ADS, Resource, Resources, ResourceType
from localmesh.envoy.wire import encode_all

PROOF = "8d1c"
NODE = EnvoyNode("sidecar", "webapp-1", "istioinaction", "webapp")
EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"


def free_port() -> int:
    """Return a port that stays free for a minute: one in TIME_WAIT is given to nobody who does not name it."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        accepted.close()
        return int(server.getsockname()[1])


async def until(condition: Any, timeout_s: float = 10) -> None:
    """Wait until an async condition holds."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - Envoy tells nobody when something has changed
            await asyncio.sleep(0.01)


@dataclass
class World:
    """One Envoy and what it is told."""

    channel: Channel
    xds: Path
    admin: Admin
    port: int
    """Where its listener answers."""

    log: Path
    process: asyncio.subprocess.Process | None = None
    reports: list[PushResult] = field(default_factory=list)

    def serve(self, resources: Resources) -> None:
        """Have a configuration there for an Envoy that starts."""
        for type_, encoded in encode_all(resources).items():
            self.channel.serve(type_, encoded)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            places = Places(self.admin.path.with_suffix(".json"), self.admin.path, self.xds)
            argv = command(NODE, places, PROOF, misc_level="warning")
            self.process = await asyncio.create_subprocess_exec(*argv, stderr=log)
        await until(self.admin.ready)

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def delivery(self, linger_s: float = 0.02, retry_s: float = 60) -> "Submitting":
        return Submitting(Delivery(self.channel, report=self.reports.append, linger_s=linger_s, retry_s=retry_s))

    async def accepted(self, delivery: "Submitting") -> None:
        """Wait until Envoy has taken what was submitted last."""

        async def is_accepted() -> bool:
            return (await delivery.settled()).outcome == "accepted"

        await until(is_accepted)

    def served(self, type_: ResourceType) -> set[str]:
        return set(self.channel.served[type_])

    def resources(self, clusters: Mapping[str, int], *, to: str = "", routes: Any = None) -> Resources:
        """Return clusters by name and their endpoint's port, and a listener whose route leads to one of them."""
        return Resources(
            lds=[self.listener(self.port)],
            rds=[{"name": "80", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes or [route(to)]}]}],
            cds=[self.cluster(name) for name in sorted(clusters)],
            eds=[endpoints(name, clusters[name]) for name in sorted(clusters)],
        )

    def cluster(self, name: str) -> Resource:
        return {
            "name": name,
            "alt_stat_name": f"{name};",
            "type": "EDS",
            "connect_timeout": "10s",
            "eds_cluster_config": {"service_name": name, "eds_config": ADS},
        }

    def listener(self, port: int, name: str = "0.0.0.0_80", routes: str = "80") -> Resource:
        manager = {
            "@type": f"{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "outbound_0.0.0.0_80;",
            "rds": {"route_config_name": routes, "config_source": ADS},
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{EXTENSIONS}.http.router.v3.Router"},
                }
            ],
        }
        filter_name = "envoy.filters.network.http_connection_manager"
        return {
            "name": name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": filter_name, "typed_config": manager}]}],
        }


def random_resources(envoy: World, seeded: random.Random, ports: Mapping[str, int]) -> Resources:
    """Return a configuration of up to six services with subsets, some of them behind paths, one of them behind all."""
    services = seeded.sample("abcdef", k=seeded.randint(1, 6))
    subsets = {name: seeded.sample(["", "v1", "v2"], k=seeded.randint(1, 3)) for name in services}
    clusters = [f"outbound|80|{subset}|{name}" for name in services for subset in subsets[name]]
    routes = [
        route(name, prefix=f"/{number}") for number, name in enumerate(seeded.sample(clusters, len(clusters) - 1))
    ]
    where = {name: seeded.choice(list(ports.values())) for name in clusters}
    return envoy.resources(where, routes=[*routes, route(seeded.choice(clusters))])


def route(cluster: str, **match: Any) -> Resource:
    return {"match": match or {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}


def endpoints(cluster: str, port: int) -> Resource:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


@dataclass
class Submitting:
    """A delivery that takes resources as they are written here."""

    delivery: Delivery

    def submit(self, resources: Resources) -> None:
        self.delivery.submit(encode_all(resources))

    async def settled(self) -> PushResult:
        return await self.delivery.settled()

    async def close(self) -> None:
        await self.delivery.close()


@asynccontextmanager
async def world(path: Path) -> AsyncIterator[World]:
    """Yield a world without an Envoy that runs; end whatever was started in it."""
    # Sockets have short paths, and pytest's folders long ones.
    with tempfile.TemporaryDirectory(prefix="mesh-", dir="/tmp") as folder:
        xds = Path(folder) / "xds"
        async with AdsServer(xds) as server:
            made = World(server.open(NODE.id, PROOF), xds, Admin(Path(folder) / "admin"), free_port(), path / "log")
            made.log.touch()
            try:
                yield made
            finally:
                await made.kill()


@asynccontextmanager
async def backends(*names: str) -> AsyncIterator[dict[str, int]]:
    """Yield the ports of servers that answer each request with their own name."""
    async with AsyncExitStack() as stack:
        ports = {}
        for name in names:
            server = await asyncio.start_server(lambda r, w, name=name: _serve(r, w, name), "127.0.0.1", 0)
            stack.callback(server.close)
            ports[name] = server.sockets[0].getsockname()[1]
        yield ports


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode())
            await writer.drain()
    writer.close()


@dataclass
class Client:
    """One connection that is kept, and opened anew when the server closes it in order."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def get(self) -> tuple[int, str]:
        """Return status and body."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(b"GET /items HTTP/1.1\r\nhost: catalog\r\n\r\n")
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0] or 0)
        body = (await self.reader.readexactly(length)).decode()
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None


async def get(port: int) -> tuple[int, str]:
    client = Client(port)
    try:
        return await client.get()
    finally:
        client.close()


@dataclass
class Stream:
    """Requests without a pause, and what came of them."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def total(self) -> int:
        return self.answers.total() + self.failures.total()

    async def more(self, count: int) -> None:
        """Wait until that many more requests are answered."""
        goal = self.total + count
        while self.total < goal:
            self.answered.clear()
            await self.answered.wait()

    async def run(self, port: int) -> None:
        client = Client(port)
        try:
            while True:
                await self._one(client)
        finally:
            client.close()

    async def _one(self, client: Client) -> None:
        try:
            status, body = await client.get()
        except (OSError, EOFError) as error:
            self.failures[repr(error)] += 1
            client.close()
        else:
            (self.answers if status == 200 else self.failures)[body] += 1
        self.answered.set()


@asynccontextmanager
async def stream(port: int, connections: int = 4) -> AsyncIterator[Stream]:
    """Send requests over some connections for as long as the block runs."""
    running = Stream()
    tasks = [asyncio.create_task(running.run(port)) for _ in range(connections)]
    try:
        yield running
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
