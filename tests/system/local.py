"""A local mesh for tests, started and ended as a user would."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localmesh.core.sockets import sockets_of
from tests.system.cluster import CHECKOUT, Cluster, environment_for

MESH = str(CHECKOUT / ".venv" / "bin" / "mesh")


@contextmanager
def local_mesh(folder: Path, telemetry: int | None = None) -> Iterator[Cluster]:
    """Run an empty local mesh in a folder of its own, as a user would, for the length of a block.

    Args:
        folder: Where it lives.
        telemetry: The first of the four ports of its pages; without it there are none.
    """
    port = free_port()
    environment = {**environment_for(str(folder / "kubeconfig"), folder / "bin"), "MESH_DIR": str(folder)}
    cluster = Cluster(f"http://127.0.0.1:{port}", environment)
    ports = ["--gateway-port", str(port), "--api-port", str(free_port())]
    pages = ["--telemetry-ports", str(telemetry)] if telemetry else ["--no-telemetry"]
    done = cluster.run([MESH, "up", "--empty", *pages, *ports])
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield cluster
    finally:
        done = cluster.run([MESH, "down"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert not any(sockets_of(each).exists() for each in (folder, folder / "pods"))


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
