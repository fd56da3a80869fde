"""Services as real processes on ports that the system chooses."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

CHECKOUT = Path(__file__).parents[2]
SERVICES = (
    "catalog",
    "webapp",
    "bookinfo.details",
    "bookinfo.productpage",
    "bookinfo.ratings",
    "bookinfo.reviews",
)
"""Every service, as it is called below `services`."""
START_SECONDS = 30
STOP_SECONDS = 30
_LISTENS = re.compile(r"listens on 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Service:
    """A process that listens."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def terminate(self) -> int:
        """Sends SIGTERM and returns the exit status."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


def clean_environment(**variables: str) -> dict[str, str]:
    """This process's environment without what would reach the services by accident."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("OTEL_")
    }
    return {**ours, "HOST": "127.0.0.1", "PORT": "0", "PYTHONUNBUFFERED": "1", **variables}


@contextmanager
def running(service: str, **variables: str) -> Iterator[Service]:
    """`service` with these environment variables, ready; killed at the end if it still runs."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output")
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"],
                cwd=CHECKOUT,
                env=clean_environment(**variables),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _ready(process, output)
        finally:
            process.kill()
            process.wait()


def run_to_end(service: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a service that does not start says."""
    command = [sys.executable, "-m", f"services.{service}"]
    env = clean_environment(**variables)
    return subprocess.run(
        command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


def _ready(process: subprocess.Popen[bytes], output: Path) -> Service:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if found := _LISTENS.search(output.read_text()):
            service = Service(process, int(found[1]), output)
            with suppress(httpx.TransportError):
                if httpx.get(f"{service.url}/readyz", trust_env=False).is_success:
                    return service
        time.sleep(0.02)
    raise AssertionError(f"did not become ready; exit status {process.poll()}; its output:\n{output.read_text()}")


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that belongs to nobody else and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
