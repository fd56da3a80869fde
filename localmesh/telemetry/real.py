"""A real Prometheus or VictoriaMetrics in place of the stand-in: it scrapes the page that all proxies are on."""

import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import yaml
from starlette.types import ASGIApp

from localmesh.telemetry.serving import listen, serve

SCRAPE_S = 5
"""Three samples in the shortest window that the mesh page asks for."""

GRACE_S = 3.0
CONFIG = Path("prometheus.yml")
"""In the container's own folder, as the data is."""


def configuration(page: str) -> str:
    """Return the configuration that scrapes one page, `HOST:PORT`, and takes its labels as they are."""
    job = {"job_name": "mesh", "honor_labels": True, "static_configs": [{"targets": [page]}]}
    settings = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": f"{SCRAPE_S}s"},
        "scrape_configs": [job],
    }
    return yaml.safe_dump(settings, sort_keys=False)


def command(binary: Path, address: str) -> Sequence[str]:
    """Return the command line that serves on an address, by the binary's name."""
    if binary.name.startswith("victoria"):
        return [
            str(binary), f"-promscrape.config={CONFIG}", f"-httpListenAddr={address}", "-storageDataPath=data",
            "-retentionPeriod=1d", "-loggerLevel=WARN", "-search.latencyOffset=0s",
        ]  # fmt: skip
    return [
        str(binary), f"--config.file={CONFIG}", f"--web.listen-address={address}", "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=1d", "--log.level=warn",
    ]  # fmt: skip


def run(binary: Path, page: ASGIApp, host: str, port: int) -> None:
    """Serve the page to scrape, and run the binary beside it; the end of either is the end of both."""
    sockets = listen("127.0.0.1", 0)
    CONFIG.write_text(configuration(f"127.0.0.1:{sockets[0].getsockname()[1]}"), encoding="utf-8")
    child = subprocess.Popen(command(binary, f"{host}:{port}"))
    threading.Thread(target=_end_with, args=(child,), daemon=True).start()
    try:
        serve(page, sockets)
    finally:
        child.terminate()
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()


def _end_with(child: "subprocess.Popen[bytes]") -> None:
    """Ask this process to end once the child has."""
    child.wait()
    signal.raise_signal(signal.SIGTERM)
