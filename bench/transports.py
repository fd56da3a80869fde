"""What one call of webapp's costs, by the transport that makes it: CPU, and memory beyond what httpx itself takes.

    python -m bench.transports [--rounds N] [--calls N]

Ours and httpx's own are always compared, `httpx2`, `httpx-aiohttp` and `pyreqwest` where they are installed; no image
needs them:

    .venv/bin/python -m pip install httpx2 httpx-aiohttp pyreqwest

The transports take turns in one process, on the event loop that the services run on, 16 calls at a time, and ask a
catalog that answers without a thought, in a process of its own. CPU is this process's, so the pace does not count.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import httpx
import psutil
import uvloop

from bench.process import machine
from bench.wire import ITEMS, catalog_of_bytes

OURS = "services.webapp.transport"
AT_ONCE = 16
TIMEOUT = httpx.Timeout(30).as_dict()
HEADERS = [(b"x-request-id", b"3f1a9d6e-6f0c-4f0e-9a38-0d8f0b1f4f5e"), (b"accept", b"*/*")]


@dataclass(frozen=True, slots=True)
class Library:
    """Whose transport it is."""

    module: str
    transport: str
    messages: str = "httpx"
    """The module whose requests it takes."""

    async def send(self, transport: Any, url: str) -> bytes:
        """The body of one call's answer."""
        request = import_module(self.messages).Request("GET", url, headers=HEADERS, extensions={"timeout": TIMEOUT})
        answer = await transport.handle_async_request(request)
        return bytes(await answer.aread())


TRANSPORTS = {
    "services/webapp/transport.py": Library(OURS, "Transport"),
    "httpx's own (httpcore)": Library("httpx", "AsyncHTTPTransport"),
    "httpx2's own (httpcore2)": Library("httpx2", "AsyncHTTPTransport", "httpx2"),
    "aiohttp (httpx-aiohttp)": Library("httpx_aiohttp", "AiohttpTransport"),
    "reqwest (pyreqwest)": Library("pyreqwest.compatibility.httpx", "HttpxTransport"),
}


def serve(port: Connection) -> None:
    """The catalog's process: tells its port and answers until it is killed."""

    async def run() -> None:
        async with catalog_of_bytes() as number:
            port.send(number)
            await asyncio.Event().wait()

    asyncio.run(run())


async def cost(library: Library, transport: Any, url: str, calls: int) -> float:
    """CPU of one call in microseconds."""

    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            assert await library.send(transport, url) == ITEMS

    began = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return 1e6 * (time.process_time() - began) / (calls // AT_ONCE * AT_ONCE)


async def measure(port: int, rounds: int, calls: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The costs by transport, a round each, and MB; the first round is not counted."""
    url = f"http://127.0.0.1:{port}"
    micros: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        transports = {}
        for name, library in TRANSPORTS.items():
            before = psutil.Process().memory_info().rss
            try:
                make = getattr(import_module(library.module), library.transport)
            except ImportError:
                print(f"{name} is left out: it is not installed")
                continue
            transports[name] = await stack.enter_async_context(make(url) if library.module == OURS else make())
            await cost(library, transports[name], f"{url}/items", calls)
            memory[name] = (psutil.Process().memory_info().rss - before) / 1e6
        for _ in range(rounds):
            for name, transport in transports.items():
                micros.setdefault(name, []).append(await cost(TRANSPORTS[name], transport, f"{url}/items", calls))
    return micros, memory


def main() -> None:
    """Measures and prints a table in Markdown."""
    parser = argparse.ArgumentParser(prog="bench.transports")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=4000, help="of each transport in a round (4000)")
    chosen = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    catalog = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    catalog.start()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured, memory = runner.run(measure(ours.recv(), chosen.rounds, chosen.calls))
    catalog.kill()
    print(f"{machine()}; medians of {chosen.rounds} alternating rounds of {chosen.calls} calls, {AT_ONCE} at a time\n")
    print("| transport | CPU of one call | rounds | memory |\n|---|--:|--:|--:|")
    for name, micros in measured.items():
        rounds = f"{min(micros):.0f} to {max(micros):.0f}"
        print(f"| {name} | {statistics.median(micros):.0f} µs | {rounds} | {memory[name]:+.1f} MB |")


if __name__ == "__main__":
    main()
