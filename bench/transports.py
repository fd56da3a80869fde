"""What one call of webapp's costs, by the transport that httpx makes it over.

    python -m bench.transports [--rounds N] [--calls N]

Ours and httpx's own are always compared, `httpx-aiohttp` and `pyreqwest` where they are installed; no image needs them:

    .venv/bin/python -m pip install httpx-aiohttp pyreqwest

The transports take turns in one process, on the event loop that the services run on, 16 calls at a time, and ask a
catalog that answers without a thought, in a process of its own. CPU is this process's, so the pace does not count.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import import_module
from multiprocessing.connection import Connection

import httpx
import uvloop

from bench.process import machine
from bench.wire import ITEMS, catalog_of_bytes
from services.webapp.transport import Transport

AT_ONCE = 16
TIMEOUT = httpx.Timeout(30).as_dict()
HEADERS = [(b"x-request-id", b"3f1a9d6e-6f0c-4f0e-9a38-0d8f0b1f4f5e"), (b"accept", b"*/*")]


def of_library(module: str, name: str) -> Callable[[str], httpx.AsyncBaseTransport]:
    """A transport of somebody else's.

    Raises:
        ImportError: it is not installed; when it is asked for.
    """

    def make(_url: str) -> httpx.AsyncBaseTransport:
        made: httpx.AsyncBaseTransport = getattr(import_module(module), name)()
        return made

    return make


TRANSPORTS: dict[str, Callable[[str], httpx.AsyncBaseTransport]] = {
    "services/webapp/transport.py": Transport,
    "httpx's own (httpcore)": lambda _url: httpx.AsyncHTTPTransport(),
    "aiohttp (httpx-aiohttp)": of_library("httpx_aiohttp", "AiohttpTransport"),
    "reqwest (pyreqwest)": of_library("pyreqwest.compatibility.httpx", "HttpxTransport"),
}


def serve(port: Connection) -> None:
    """The catalog's process: tells its port and answers until it is killed."""

    async def run() -> None:
        async with catalog_of_bytes() as number:
            port.send(number)
            await asyncio.Event().wait()

    asyncio.run(run())


async def cost(client: httpx.AsyncClient, url: str, calls: int) -> float:
    """CPU of one call in microseconds."""

    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            answer = await client.send(httpx.Request("GET", url, headers=HEADERS, extensions={"timeout": TIMEOUT}))
            assert answer.content == ITEMS

    began = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return 1e6 * (time.process_time() - began) / (calls // AT_ONCE * AT_ONCE)


async def measure(port: int, rounds: int, calls: int) -> dict[str, list[float]]:
    """The costs by transport, a round each; the first round is not counted."""
    url = f"http://127.0.0.1:{port}"
    measured: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        clients = {}
        for name, make in TRANSPORTS.items():
            try:
                clients[name] = await stack.enter_async_context(httpx.AsyncClient(transport=make(url), timeout=30))
            except ImportError:
                print(f"{name} is left out: it is not installed")
        for number in range(rounds + 1):
            for name, client in clients.items():
                micros = await cost(client, f"{url}/items", calls)
                if number:
                    measured.setdefault(name, []).append(micros)
    return measured


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
        measured = runner.run(measure(ours.recv(), chosen.rounds, chosen.calls))
    catalog.kill()
    print(f"{machine()}; medians of {chosen.rounds} alternating rounds of {chosen.calls} calls, {AT_ONCE} at a time\n")
    print("| transport | CPU of one call | rounds |\n|---|---|---|")
    for name, micros in measured.items():
        print(f"| {name} | {statistics.median(micros):.0f} µs | {min(micros):.0f} to {max(micros):.0f} |")


if __name__ == "__main__":
    main()
