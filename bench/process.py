"""A process on a core of its own: started, waited for, its CPU and its memory read, ended."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
_PAUSE_SECONDS = 0.005


class BenchError(Exception):
    """Why there is nothing to measure."""


def cores() -> tuple[int, int] | None:
    """The core for what is measured and the one for the load; None where the system pins nothing or has one core."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    ours = sorted(os.sched_getaffinity(0))
    return (ours[0], ours[1]) if len(ours) > 1 else None


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """What is started here runs on `core`, from its first instruction on: Go counts the cores it may use then."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what would change the services by accident."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("OTEL_", "POD_", "SERVICE_"))
    }
    return {**kept, **variables}


@dataclass(frozen=True, slots=True)
class Running:
    """A process that is measured."""

    process: psutil.Popen
    output: Path
    """Where its log goes; a file as a container's log is one in the end."""

    def cpu(self) -> float:
        """Seconds of CPU, its own and the kernel's for it, since it began."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> float:
        """Resident memory in MB (of a million bytes)."""
        return float(self.process.memory_info().rss) / 1e6

    def forget_output(self) -> None:
        """Empties the log, or a long run would fill the disk; it is written to by appending."""
        os.truncate(self.output, 0)


@contextmanager
def running(
    command: Sequence[str | Path], port: int, core: int | None, *, cwd: Path = CHECKOUT, **variables: str
) -> Iterator[Running]:
    """`command`, listening on `port`; killed at the end.

    Raises:
        BenchError: it ended, or answers nothing after `START_SECONDS`; with the last of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output")
        with output.open("ab") as file, on_core(core):
            process = psutil.Popen(
                command, cwd=cwd, env=environment(**variables), stdout=file, stderr=subprocess.STDOUT
            )
        try:
            _wait(process, port, output)
            yield Running(process, output)
        finally:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            process.wait()


def _wait(process: psutil.Popen, port: int, output: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if _answers(port):
            return
        time.sleep(_PAUSE_SECONDS)
    written = output.read_text(errors="replace")[-2000:]
    raise BenchError(f"{' '.join(map(str, process.args))} does not answer on port {port}; it said:\n{written}")


def _answers(port: int) -> bool:
    """Whether there is an answer to a request, whatever it may be."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
        probe.sendall(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
        return bool(probe.recv(1))
    return False


def machine() -> str:
    """What this ran on."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), os.uname().machine
    )
    return f"{model}, {psutil.cpu_count()} cores, {sys.platform}, Python {sys.version.split()[0]}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
