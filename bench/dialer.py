"""What an answer of the book's Go webapp costs, by how many it has given before.

    python -m bench.dialer --originals DIR [--times N]

It dials anew for each answer, and keeps the connection until that has been silent for a minute. The first table has
fresh processes, which are asked without a break; the second one process that is asked as `bench.services` does it,
which holds the connections of its last two rounds. Answers that were not what they should be are counted: beyond some
28,000 connections the kernel has no local port left, and processes often may have no more than 20,000 files open.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench import originals
from bench.goals import ORIGINAL, Variant
from bench.process import BenchError, Running, cores, machine, on_core, running
from bench.services import (
    CONNECTIONS,
    DIALER_SECONDS,
    HOST,
    LONG_SECONDS,
    PATHS,
    REQUESTS,
    free_port,
    headers,
    open_many_files,
)
from bench.wire import Burst, catalog_of_bytes, request

STEPS = (2_000, 4_000, 8_000, 12_000, 16_000, 20_000)
"""Answers since the process began, at the end of each step."""
ROUNDS = 6


@dataclass(slots=True)
class Step:
    """What a part of a process's answers cost, in each of the processes."""

    micros: list[float] = field(default_factory=list)
    """CPU per answer in microseconds."""
    open: list[int] = field(default_factory=list)
    """Files that it had open afterwards, nearly all of them connections."""
    bad: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        rounds = f"{min(self.micros):.0f} to {max(self.micros):.0f}"
        bad = ", ".join(f"{number} {what}" for what, number in self.bad.items()) or "0"
        return f"{statistics.median(self.micros):.0f} µs | {rounds} | {max(self.open):,} | {bad}"


async def ask(go: Running, port: int, requests: int, into: Step) -> None:
    """Asks so many times, and notes what it cost."""
    asked = request(PATHS["webapp"], f"{HOST}:{port}", headers(Variant("webapp", ORIGINAL)))
    before = go.cpu()
    tally = await Burst(port, asked, CONNECTIONS).run(LONG_SECONDS, requests)
    into.micros.append(1e6 * (go.cpu() - before) / tally.total)
    into.open.append(go.process.num_fds())
    into.bad.update(tally.bad)
    go.forget_output()


async def fresh(go: Running, port: int, steps: dict[int, Step]) -> None:
    """One process, from its first answer on."""
    given = 0
    for answers, step in steps.items():
        await ask(go, port, answers - given, step)
        given = answers


async def steady(go: Running, port: int, rounds: list[Step]) -> None:
    """One process, asked in rounds."""
    for step in rounds:
        pause = asyncio.create_task(asyncio.sleep(DIALER_SECONDS))
        await ask(go, port, REQUESTS, step)
        await pause


async def measure(checkout: Path, times: int, core: int | None) -> tuple[dict[int, Step], list[Step]]:
    """Both tables."""
    steps, rounds, port = {answers: Step() for answers in STEPS}, [Step() for _ in range(ROUNDS)], free_port()
    with tempfile.TemporaryDirectory() as folder:
        built = originals.webapp(checkout, Path(folder, "webapp"), port)
        for number in range(times + 1):
            # A catalog of its own for each, so that none finds the ports of the one before still taken.
            async with catalog_of_bytes() as catalog:
                variables = {"CATALOG_SERVICE_HOST": HOST, "CATALOG_SERVICE_PORT": str(catalog)}
                with running(["./webapp"], port, core, cwd=built, **variables) as go:
                    await (fresh(go, port, steps) if number < times else steady(go, port, rounds))
    return steps, rounds


def main() -> None:
    """Measures and prints both tables, in Markdown."""
    parser = argparse.ArgumentParser(prog="bench.dialer", description=__doc__)
    parser.add_argument("--originals", type=Path, required=True, metavar="DIR", help="as of bench.services")
    parser.add_argument("--times", type=int, default=3, help="fresh processes (3)")
    chosen, pinned = parser.parse_args(), cores()
    core, load_core = pinned or (None, None)
    open_many_files()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that can't be accepted show in the table
    try:
        with on_core(load_core):
            steps, rounds = asyncio.run(measure(chosen.originals, chosen.times, core))
    except BenchError as error:
        sys.exit(f"bench: {error}")
    print(f"\n{machine()}, {originals.versions()}\n")
    print("| answers | CPU/answer | processes | open files | bad |\n|---|--:|--:|--:|--:|")
    firsts = (0, *STEPS)
    print("\n".join(f"| {first:,} to {last:,} | {steps[last]} |" for first, last in zip(firsts, STEPS, strict=False)))
    print("\n| round | CPU/answer | | open files | bad |\n|---|--:|--:|--:|--:|")
    print("\n".join(f"| {number} | {step} |" for number, step in enumerate(rounds, 1)))


if __name__ == "__main__":
    main()
