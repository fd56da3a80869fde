"""What a request costs catalog and webapp, beside the book's originals: CPU, memory, start.

    python -m bench.services [--originals DIR] [--rounds N] [--requests N] [--memory N] [--only TEXT]

`make bench ARGS=…` does so, and has the services run on what their images carry, for their memory is that of what is
installed beside them, too: httpx alone imports 4 MB more where `rich` and `pygments` lie about.

One core has the service, another the load: 16 connections, each of which asks again as soon as it is answered, a
collector of spans and metrics, and, for webapp, a catalog that answers without a thought. CPU is the service's own, as
the kernel counts it, divided by its answers. The variants take turns, round after round, the first of which is not
counted, and each answers as many requests as the others; figures are medians of the turns. The Go original, whose cost
depends on how much it is asked, has a turn every half minute. The originals can only be measured where there is a
checkout of them.
"""

import argparse
import asyncio
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import originals
from bench.goals import ORIGINAL, Figures, Variant, goals, remarks, table
from bench.process import BenchError, Running, cores, machine, on_core, running
from bench.wire import Burst, Collected, Tally, catalog_of_bytes, collector, request

CONNECTIONS = 16
REQUESTS = 8000
"""Of each variant in a turn. The Go original can answer that twice a minute, and not much more: see `bench.dialer`."""
DIALER_SECONDS = 30.0
"""From one turn of the Go original to its next, at least: it dials for each answer, and lets go after a minute."""
LONG_SECONDS = 3600.0
"""More than any burst takes: it is its number of requests that ends it."""
OPEN_FILES = 65_536
"""What this process may have to hold: the connections of such a service end here."""
MARKS = 10
"""How often memory is read while the long run goes on."""
PATHS = {"catalog": "/items", "webapp": "/api/catalog"}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}"
HOST = "127.0.0.1"


@dataclass(slots=True)
class Subject:
    """One variant of one service, running."""

    figures: Figures
    running: Running
    request: bytes
    port: int
    pause: float = 0.0
    """Seconds from the beginning of one turn to that of the next, at least."""
    began: float = float("-inf")
    """When its last turn did."""

    async def take_turn(self) -> None:
        """Waits until the next turn may begin."""
        await asyncio.sleep(max(0.0, self.began + self.pause - time.monotonic()))
        self.began = time.monotonic()


def headers(variant: Variant) -> list[tuple[str, str]]:
    """What the sidecar of a mesh with tracing adds to a request."""
    flags = "01" if variant.sampled else "00"
    return [("x-request-id", "3f1a9d6e-6f0c-4f0e-9a38-0d8f0b1f4f5e"), ("traceparent", TRACE.format(flags=flags))]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        return int(bound.getsockname()[1])


def variables(variant: Variant, endpoint: str, catalog_port: int) -> dict[str, str]:
    """The service's environment."""
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if variant.exporter else {}
    metrics = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "1000"} if variant.metrics else {}
    return {
        "HOST": HOST,
        "CATALOG_SERVICE_HOST": HOST,
        "CATALOG_SERVICE_PORT": str(catalog_port),
        **exporting,
        **metrics,
    }


@dataclass(slots=True)
class Bench:
    """One run: the variants, and what they share."""

    core: int | None
    """The core of what is measured."""
    python: str
    """The interpreter of our services."""
    catalog_port: int
    stack: AsyncExitStack
    subjects: list[Subject] = field(default_factory=list)

    async def add(self, variant: Variant) -> None:
        """Starts one of our variants, with a collector of its own."""
        figures = Figures(variant, Collected())
        endpoint = await self.stack.enter_async_context(collector(figures.collected))
        port = free_port()
        module = ["-m", "bench.bare", variant.service] if variant.bare else ["-m", f"services.{variant.service}"]
        settings = variables(variant, endpoint, self.catalog_port)
        command = [self.python, *module]
        started = self.stack.enter_context(running(command, port, self.core, PORT=str(port), **settings))
        self._take(figures, started, port)

    def add_originals(self, checkout: Path) -> None:
        """Builds and starts both originals."""
        ports = {name: free_port() for name in PATHS}
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        built = originals.build(checkout, folder, catalog_port=ports["catalog"], webapp_port=ports["webapp"])
        commands = {"catalog": (["node", "server.js"], built.catalog), "webapp": (["./webapp"], built.webapp)}
        for service, (command, cwd) in commands.items():
            variant = Variant(service, ORIGINAL)
            settings = variables(variant, "", self.catalog_port)
            started = self.stack.enter_context(running(command, ports[service], self.core, cwd=cwd, **settings))
            self._take(Figures(variant, Collected()), started, ports[service])

    def _take(self, figures: Figures, started: Running, port: int) -> None:
        variant = figures.variant
        asked = request(PATHS[variant.service], f"{HOST}:{port}", headers(variant))
        dials = variant.service == "webapp" and variant.name == ORIGINAL
        self.subjects.append(Subject(figures, started, asked, port, DIALER_SECONDS if dials else 0.0))

    async def round(self, requests: int, *, counted: bool) -> None:
        """Each variant once; who has to pause between turns once more in the middle, or it would pause for longer."""
        half = len(self.subjects) // 2
        pausing = [subject for subject in self.subjects if subject.pause]
        for subject in (*self.subjects[:half], *pausing, *self.subjects[half:]):
            await subject.take_turn()
            own, load = subject.running.cpu(), _own_cpu()
            tally = await burst(subject, requests)
            if counted:
                subject.figures.add(tally, subject.running.cpu() - own, _own_cpu() - load, subject.running.rss())


async def burst(subject: Subject, requests: int) -> Tally:
    """Asks the subject as fast as it answers."""
    tally = await Burst(subject.port, subject.request, CONNECTIONS).run(LONG_SECONDS, requests)
    subject.running.forget_output()
    subject.figures.asked += tally.total
    subject.figures.bad.update(tally.bad)
    return tally


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def memory(subject: Subject, requests: int) -> None:
    """Notes the subject's memory while it answers so many requests."""
    for mark in range(1, MARKS + 1):
        progress(f"{subject.figures.variant}: {mark * requests // MARKS:,} of {requests:,} requests for its memory")
        await burst(subject, requests // MARKS)
        subject.figures.marks.append(subject.running.rss())


def progress(what: str) -> None:
    """One line that is written over by the next, where somebody looks."""
    if sys.stdout.isatty():
        print(f"\r\033[K{what} …", end="", flush=True)


def start_cpu(variant: Variant, core: int | None, python: str, times: int) -> Iterator[float]:
    """CPU in seconds from a process's first instruction until it listens, so many times."""
    for _ in range(times):
        port = free_port()
        command = [python, "-m", f"services.{variant.service}"]
        settings = variables(variant, f"http://{HOST}:9", port)
        with running(command, port, core, PORT=str(port), **settings) as started:
            yield started.cpu()


def ours(only: str) -> list[Variant]:
    """Our variants of both services whose names have `only` in them."""
    variants = [
        variant
        for service in PATHS
        for variant in (
            Variant(service, "no telemetry", bare=True),
            Variant(service, "no exporter"),
            Variant(service, "not sampled", exporter=True),
            Variant(service, "sampled", exporter=True, sampled=True),
            Variant(service, "metrics", exporter=True, metrics=True),
        )
    ]
    return [variant for variant in variants if only in str(variant)]


async def measure(arguments: argparse.Namespace, core: int | None) -> list[Figures]:
    """Everything, in one run."""
    async with AsyncExitStack() as stack:
        bench = Bench(core, arguments.python, await stack.enter_async_context(catalog_of_bytes()), stack)
        if arguments.originals:
            bench.add_originals(arguments.originals)
        for variant in ours(arguments.only):
            await bench.add(variant)
        for number in range(arguments.rounds + 1):
            progress(f"round {number} of {arguments.rounds}")
            await bench.round(arguments.requests, counted=number > 0)
        for subject in bench.subjects:
            if arguments.memory and subject.figures.variant.name in ("no exporter", "sampled"):
                await memory(subject, arguments.memory)
        progress("waiting for the last spans")
        await asyncio.sleep(6)  # the exporter sends what it has every five seconds
        return [subject.figures for subject in bench.subjects]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bench.services", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--originals", type=Path, metavar="DIR", help="a checkout of istioinaction/book-source-code")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all variants (5)")
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help="of each in a turn (8000)")
    parser.add_argument("--memory", type=int, default=100_000, metavar="N", help="requests of the memory run (100000)")
    parser.add_argument("--only", default="", metavar="TEXT", help="variants such as 'webapp, no exporter' (all)")
    parser.add_argument("--python", default=sys.executable, metavar="FILE", help="interpreter of the services (this)")
    parser.add_argument("--starts", type=int, default=5, metavar="N", help="starts of which the median counts (5)")
    return parser.parse_args()


def report(measured: list[Figures], requests: int, pinned: tuple[int, int] | None, *, with_originals: bool) -> None:
    """Prints the table, the goals and the remarks, in Markdown: docs/performance.md takes them as they are."""
    versions = f", {originals.versions()}" if with_originals else ""
    progress("")
    print(f"\n{machine()}{versions}")
    print("one core for the service, one for the load" if pinned else "not pinned to cores: the figures are rough")
    rounds = len(measured[0].micros)
    print(
        f"{CONNECTIONS} connections, {requests:,} requests of each in a round, medians of {rounds} alternating rounds\n"
    )
    print("\n".join(table(measured)), end="\n\n")
    for lines in (map(str, goals(measured)), remarks(measured)):
        print("\n".join(f"- {line}" for line in lines), end="\n\n")
    if not with_originals:
        print("The originals were left out: --originals DIR names a checkout of istioinaction/book-source-code.")


def open_many_files() -> None:
    """Lets this process have as many connections as it needs, or may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, OPEN_FILES), most))


def main() -> None:
    """Measures and reports."""
    chosen, pinned = arguments(), cores()
    core, load_core = pinned or (None, None)
    open_many_files()
    try:
        with on_core(load_core):
            measured = asyncio.run(measure(chosen, core))
            for figures in measured:
                if figures.variant.name in ("no exporter", "sampled"):
                    figures.starts.extend(start_cpu(figures.variant, core, chosen.python, chosen.starts))
    except BenchError as error:
        sys.exit(f"bench: {error}")
    report(measured, chosen.requests, pinned, with_originals=bool(chosen.originals))


if __name__ == "__main__":
    main()
