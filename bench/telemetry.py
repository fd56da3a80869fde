"""What metrics and traces cost an Envoy: CPU per request of a caller's and a called one's, with neither, each and both.

`.venv/bin/python -m bench.telemetry`: two Envoys in a chain before one that answers, everything on Unix sockets; four
modes in turn, some rounds of it, medians. The receiver of spans is the real one.
"""

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from localmesh.envoy.binary import envoy_binary
from localmesh.envoy.resources import Resources
from localmesh.envoy.stats import Identity
from localmesh.envoy.telemetry import RUNTIME, Dresser, Telemetry

FILTERS = "type.googleapis.com/envoy.extensions.filters"
LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
CONNECTIONS = 4
WARM = 500


def manager(route: Any) -> Any:
    """A connection manager as Istio's, with the access log that each has."""
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}
    log = {"name": "envoy.access_loggers.file", "typed_config": {"@type": LOG, "path": "/dev/null"}}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "x",
            "access_log": [log],
            "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
            "http_filters": [router],
        },
    }


def listener(path: Path, direction: str, route: Any) -> Any:
    chain = {"filters": [manager({"match": {"prefix": "/"}, **route})]}
    address = {"pipe": {"path": str(path)}}
    return {"name": direction, "address": address, "traffic_direction": direction, "filter_chains": [chain]}


def resources(folder: Path, mode: str, port: str, direction: str, upstream: str) -> Resources:
    """One proxy: a listener on a socket that leads to another one's."""
    service = {"host": "catalog.shop.svc.cluster.local", "name": "catalog", "namespace": "shop"}
    workload = {"filter_metadata": {"istio": {"workload": "catalog;shop;catalog;v1;Kubernetes"}}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(folder / upstream)}}}, "metadata": workload}
    plain = Resources(
        lds=[listener(folder / port, direction, {"route": {"cluster": "next"}})],
        cds=[{"name": "next", "type": "STATIC", "metadata": {"filter_metadata": {"istio": {"services": [service]}}}}],
        eds=[{"cluster_name": "next", "endpoints": [{"lb_endpoints": [endpoint]}]}],
    )
    if mode == "neither":
        return plain
    collector = folder / "zipkin" if mode in ("traces", "both") else None
    telemetry = Telemetry(metrics=mode in ("metrics", "both"), collector=collector)
    return Dresser(telemetry).dress(plain, Identity(port, "shop", port, "v1"))


def command(name: str, served: Resources) -> list[str]:
    endpoints = {resource["cluster_name"]: resource for resource in served.eds}
    clusters = [{"load_assignment": endpoints.get(resource["name"]), **resource} for resource in served.cds]
    config = {
        "node": {"id": name, "cluster": f"{name}.shop"},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": dict(RUNTIME)}]},
        "static_resources": {"listeners": served.lds, "clusters": clusters},
    }
    return [str(envoy_binary()), "--config-yaml", json.dumps(config), "--concurrency", "1", "--disable-hot-restart",
            "-l", "error", "--base-id", "0"]  # fmt: skip


@contextmanager
def running(folder: Path, mode: str) -> Iterator[dict[str, psutil.Process]]:
    answer = Resources(lds=[listener(folder / "app", "INBOUND", {"direct_response": {"status": 200}})])
    commands = {
        "app": command("app", answer),
        "called": command("called", resources(folder, mode, "called", "INBOUND", "app")),
        "caller": command("caller", resources(folder, mode, "caller", "OUTBOUND", "called")),
        "receiver": [sys.executable, "-m", "localmesh.telemetry", "traces", "--socket", str(folder / "zipkin")],
    }
    environment = {"PORT": "0", "PATH": ""}
    started = [subprocess.Popen(argv, env=environment, stderr=subprocess.DEVNULL) for argv in commands.values()]
    try:
        for path in ("app", "called", "caller", "zipkin"):
            while not _answers(folder / path):
                time.sleep(0.02)
        yield {name: psutil.Process(process.pid) for name, process in zip(commands, started, strict=True)}
    finally:
        for process in started:
            process.kill()
            process.wait()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(path))
        return True
    return False


def load(path: Path, count: int) -> None:
    """Send requests over some connections, each answered with 200."""

    def ask() -> None:
        connection = http.client.HTTPConnection("catalog")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        for _ in range(count // CONNECTIONS):
            connection.request("GET", "/items")
            assert connection.getresponse().read() == b""
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measured(mode: str, count: int) -> dict[str, float]:
    """CPU by process in microseconds per request."""
    with tempfile.TemporaryDirectory(prefix="m", dir="/tmp") as name, running(Path(name), mode) as processes:
        load(Path(name, "caller"), WARM)
        before = {process_name: sum(process.cpu_times()[:2]) for process_name, process in processes.items()}
        load(Path(name, "caller"), count)
        after = {process_name: sum(process.cpu_times()[:2]) for process_name, process in processes.items()}
    return {process_name: (after[process_name] - before[process_name]) / count * 1e6 for process_name in before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=8000)
    arguments = parser.parse_args()
    modes = ("neither", "metrics", "traces", "both")
    runs_by_mode: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    for _ in range(arguments.rounds):
        for mode in modes:
            runs_by_mode[mode].append(measured(mode, arguments.requests))
    medians = {
        mode: {
            process_name: statistics.median(run[process_name] for run in runs)
            for process_name in ("caller", "called", "receiver")
        }
        for mode, runs in runs_by_mode.items()
    }
    plain = medians["neither"]["caller"] + medians["neither"]["called"]
    print(f"CPU in µs a request, medians of {arguments.rounds} rounds of {arguments.requests}")
    print(f"{'':10}{'caller':>8}{'called':>8}{'both Envoys':>13}{'ratio':>7}{'receiver':>10}")
    for mode, row in medians.items():
        envoys = row["caller"] + row["called"]
        line = f"{row['caller']:8.0f}{row['called']:8.0f}{envoys:13.0f}{envoys / plain:7.2f}{row['receiver']:10.0f}"
        print(f"{mode:10}{line}")


if __name__ == "__main__":
    main()
