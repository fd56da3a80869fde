"""What `mesh up` decides of telemetry: its ports, and whether a real Prometheus takes part."""

import os
import shutil
import sys
from collections.abc import Sequence

from localmesh.addons import AddonPorts
from localmesh.core.errors import MeshError
from localmesh.core.loopback import is_taken

REAL = ("prometheus", "victoria-metrics", "victoria-metrics-prod")
"""Commands that take the place of the stand-in for Prometheus."""

NODE_PORTS = range(30100, 32764)
"""Where to look for four free ports in a row: the upper end of Kubernetes' range."""

LAST_PORT = 65535


def page_ports(first: int | None) -> AddonPorts:
    """Return where the pages answer; the usual ports, if somebody has one of them, give way to free ones.

    Raises MeshError when one of those that the user named is taken.
    """
    ports = AddonPorts.from_first(first) if first else AddonPorts()
    if max(ports.numbers) > LAST_PORT:
        raise MeshError(
            f"there are no four ports in a row from {first} on: --telemetry-ports is {LAST_PORT - 3} at most"
        )
    taken = next((number for number in ports.numbers if is_taken(number)), None)
    if taken is None:
        return ports
    complaint = f"port {taken} on 127.0.0.1 is taken"
    if first:
        raise MeshError(f"{complaint}: choose four others in a row with --telemetry-ports FIRST, or --no-telemetry")
    pages = _free_row()
    print(f"mesh: {complaint}: telemetry answers from {pages.metrics} on (--telemetry-ports FIRST)", file=sys.stderr)
    return pages


def _free_row() -> AddonPorts:
    for first in range(NODE_PORTS.start, NODE_PORTS.stop, 10):
        ports = AddonPorts.from_first(first)
        if not any(map(is_taken, ports.numbers)):
            return ports
    raise MeshError("no four ports in a row are free for telemetry: mesh up --no-telemetry does without")


def real_prometheus() -> str | None:
    """Return the first Prometheus or VictoriaMetrics on the PATH, as a shell would find it."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return next(filter(None, (shutil.which(name, path=folder) for folder in folders for name in REAL)), None)


def telemetry_arguments(ports: AddonPorts | None) -> Sequence[str]:
    """Return what `mesh serve` is told of telemetry."""
    if ports is None:
        return []
    real = real_prometheus()
    outside = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return [
        *("--telemetry-ports", *map(str, ports.numbers)),
        *([f"--prometheus={real}"] if real else []),
        *([f"--outside-collector={outside}"] if outside else []),
    ]
