"""How long a killed Envoy takes to be back and in sync.

    python -m bench.comeback [--rounds N]

In a mesh of its own with the storefront, webapp's Envoy is killed with SIGKILL, once in each pod: a second crash of the
same container would wait for its back-off. The time ends when another process of it has taken all that it was sent, as
`mesh proxy-status` says.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.process import CHECKOUT
from localmesh.core.loopback import free_port

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
NAMESPACE = ("-n", "istioinaction")
PATIENCE_S = 60


@dataclass(frozen=True)
class Mesh:
    """A running mesh, by its folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MESH_DIR": str(self.folder), "KUBECONFIG": str(self.folder / "kubeconfig")}

    def mesh(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "localmesh", *arguments]
        subprocess.run(command, env=self.environment, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)

    def kubectl(self, *arguments: str) -> str:
        return subprocess.check_output([KUBECTL, *arguments], env=self.environment, cwd=CHECKOUT, text=True)

    def envoy(self, pod: str) -> psutil.Process | None:
        """Return a pod's Envoy, None while there is none."""
        supervisor = psutil.Process(json.loads((self.folder / "lock").read_text())["pid"])
        return next((process for process in supervisor.children(recursive=True) if _is_envoy_of(process, pod)), None)

    def is_synced(self, pod: str) -> bool:
        """Tell whether a pod's Envoy has taken what it was sent."""
        rows = json.loads(self.kubectl("get", "--raw", "/debug/syncz"))
        words = [set(row.values()) for row in rows if row["proxy"].startswith(f"{pod}.")]
        return bool(words) and "SYNCED" in words[0] and not words[0] & {"STALE", "ERROR"}


def _is_envoy_of(process: psutil.Process, pod: str) -> bool:
    """Tell whether a process is an Envoy whose bootstrap names a pod."""
    try:
        _, option, file = [*process.cmdline(), "", "", ""][:3]
        return option == "--config-path" and f"~{pod}." in Path(file).read_text()
    except (psutil.NoSuchProcess, OSError):
        return False


@contextmanager
def storefront() -> Iterator[Mesh]:
    """Run a mesh with the storefront."""
    with tempfile.TemporaryDirectory(prefix="comeback-") as folder:
        mesh = Mesh(Path(folder))
        ports = (f"--gateway-port={free_port()}", f"--api-port={free_port()}")
        mesh.mesh("up", "--no-telemetry", *ports)
        try:
            yield mesh
        finally:
            mesh.mesh("down")


def comeback(mesh: Mesh) -> float:
    """Kill webapp's Envoy in a new pod; return the seconds until another one is in sync."""
    mesh.kubectl("rollout", "restart", "deploy/webapp", *NAMESPACE)
    mesh.kubectl("rollout", "status", "deploy/webapp", *NAMESPACE)
    pods = mesh.kubectl("get", "pods", *NAMESPACE, "-l", "app=webapp", "--sort-by=.metadata.creationTimestamp", "-o",
                        "jsonpath={.items[*].metadata.name}").split()  # fmt: skip
    pod = pods[-1]
    killed = mesh.envoy(pod)
    if killed is None:
        raise SystemExit(f"bench: no Envoy of {pod} runs")
    began = time.perf_counter()
    killed.kill()
    while time.perf_counter() - began < PATIENCE_S:
        living = mesh.envoy(pod)
        if living is not None and living.pid != killed.pid and mesh.is_synced(pod):
            return time.perf_counter() - began
        time.sleep(0.01)
    raise SystemExit(f"bench: the Envoy of {pod} was not in sync within {PATIENCE_S} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often it is killed (10)")
    rounds = parser.parse_args().rounds
    with storefront() as mesh:
        times = sorted(comeback(mesh) for _ in range(rounds))
    print(f"{rounds} times: median {statistics.median(times):.2f} s, from {times[0]:.2f} to {times[-1]:.2f} s")


if __name__ == "__main__":
    main()
