"""What the system tests know of a cluster: kubectl, a shell and the gateway's address. Nothing in here is local."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90


def _fresh_connections() -> httpx.Client:
    """Return a client that opens a connection for each request, as curl does in the tutorial's loops."""
    return httpx.Client(timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster with the ingress gateway on `gateway`, reached by the kubectl on PATH."""

    gateway: str
    environment: Mapping[str, str]
    _client: httpx.Client = field(default_factory=_fresh_connections, repr=False)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl and return what it printed; its complaint is the failure's text."""
        done = self.run(["kubectl", *arguments], stdin=stdin)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout + ("" if check else done.stderr)

    def sh(self, script: str) -> str:
        """Run a few lines of the tutorial in bash, from the checkout, and return what they printed."""
        done = self.run(["bash", "-euo", "pipefail", "-c", script])
        if done.returncode:
            raise AssertionError(f"{script}\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, command: list[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command with this cluster's environment."""
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
            env=dict(self.environment), cwd=CHECKOUT,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """Run `kubectl … -o json`."""
        return json.loads(self.kubectl(*arguments, "-o", "json"))

    def ready(self, *deployments: str, namespace: str = "istioinaction") -> None:
        """Wait until deployments are rolled out and no pod of an older template is left."""
        for name in deployments:
            self.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, f"--timeout={PATIENCE_S}s")

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask the gateway, once, on a connection of its own."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.get(self.gateway + path, headers=named)


def found_on_path(command: str) -> Path | None:
    """Return where a command lies, if it does."""
    found = shutil.which(command)
    return Path(found).resolve() if found else None


def environment_for(kubeconfig: str, *path: Path) -> dict[str, str]:
    """Return this process's environment with a kubeconfig, and folders in front of PATH."""
    names = [str(folder) for folder in path]
    return {**os.environ, "KUBECONFIG": kubeconfig, "PATH": os.pathsep.join([*names, os.environ["PATH"]])}
