"""Every command of the tutorial that docs/tutorial.md says works on a local mesh, typed there, in the tutorial's order.

Each step takes over what the steps before it left, as a reader does.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localmesh.core.loopback import is_free
from tests.docs.tutorial import COMMANDS, fits, local_cell
from tests.system.cluster import Cluster
from tests.system.local import free_port, local_mesh
from tests.system.typed import ANSWERS, ENDLESS, HEREDOCS, Typed, at_this_mesh, bounded, opened

pytestmark = [pytest.mark.long, pytest.mark.skipif("TEST_CLUSTER" in os.environ, reason="of the local mesh alone")]

WORKING = [command for command in COMMANDS if local_cell(command).startswith("works")]
ELSEWHERE = re.compile(r"\(not tried here\)|works where (\w+) is installed")
"""How a cell says that a tool of the reader's own must be there."""
FORWARDED = (8080, 15000, 20001)


@dataclass(slots=True)
class Reader:
    """Who types, and what runs in the background meanwhile."""

    cluster: Cluster
    home: Path
    ports: dict[int, int]
    forwards: list[subprocess.Popen[str]] = field(default_factory=list)

    def type(self, command: str) -> tuple[int, str]:
        """Run a line in bash as an interactive shell would, and return its exit code and all that it printed."""
        folder = "cd bin && " if "chaos.sh" in command else ""
        line = at_this_mesh(folder + bounded(HEREDOCS.get(command, command)), self.ports)
        done = self.cluster.run(["env", f"HOME={self.home}", "bash", "-c", f"exec 2>&1\n{line}"])
        return done.returncode, done.stdout

    def forward(self, command: str) -> str:
        """Leave a port-forward running, and return its first line."""
        *words, pair = command.removesuffix(" &").split()
        ours, theirs = pair.split(":")
        words.append(f"{self.ports[int(ours)]}:{theirs}")
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(self.cluster.environment)
        )
        self.forwards.append(process)
        assert process.stdout
        return process.stdout.readline()

    def close(self) -> None:
        """End what runs in the background."""
        for process in self.forwards:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    first = next(port for port in range(31500, 32700, 4) if all(map(is_free, range(port, port + 4))))
    with local_mesh(tmp_path_factory.mktemp("mesh"), telemetry=first) as cluster:
        pages = {30001 + number: first + number for number in range(4)}
        forwarded = {port: free_port() for port in FORWARDED}
        ports = {30000: int(cluster.gateway.rpartition(":")[2]), **pages, **forwarded}
        reader = Reader(cluster, tmp_path_factory.mktemp("home"), ports)
        try:
            yield reader
        finally:
            reader.close()


def expected(command: str) -> Typed:
    """Return what the command says, by the most exact of the patterns that fit it."""
    return ANSWERS[max((pattern for pattern in ANSWERS if fits(pattern, command)), key=len)]


def istio_samples() -> Path | None:
    """Return Istio's samples: ISTIO_SAMPLES, or those in the module istio.io/istio of this machine's Go."""
    if named := os.environ.get("ISTIO_SAMPLES"):
        return Path(named)
    if not shutil.which("go"):
        return None
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    return max(Path(cache, "istio.io").glob("istio@*/samples"), default=None)


def with_samples(command: str) -> str:
    """Return a command with the path of Istio's own files in place, or with ours where Istio's are not here."""
    if " samples/" not in command:
        return command
    if samples := istio_samples():
        return command.replace(" samples/", f" {samples}/")
    if command.startswith("kubectl apply -f samples/bookinfo/platform"):
        return "kubectl apply -k k8s/bookinfo"
    pytest.skip("Istio's samples are not here (ISTIO_SAMPLES=DIR names them); k8s/bookinfo was applied")


@pytest.mark.parametrize("command", WORKING)
def test_it_works_as_typed(reader: Reader, command: str) -> None:
    if ELSEWHERE.search(local_cell(command)):
        pytest.skip(f"needs the reader's own tool: {local_cell(command)}")
    typed = expected(command)
    if typed.first:
        code, said = reader.type(typed.first)
        assert code == 0, said
    if "port-forward" in command:
        renamed = command.replace(" deployment/deploy-websrv", " deployment/productpage-v1")
        assert re.search(typed.says, reader.forward(renamed))
        return
    line = with_samples(command).partition(" && kind delete")[0]
    if line.startswith("open "):
        line = opened(line, reader.ports)
    code, said = reader.type(line)
    assert code == (ENDLESS if bounded(line) != line else 0), said
    assert re.search(at_this_mesh(typed.says, reader.ports), said, re.MULTILINE), said


@pytest.mark.parametrize("pattern", ANSWERS)
def test_each_answer_belongs_to_a_command(pattern: str) -> None:
    typed = [command for command in WORKING if not ELSEWHERE.search(local_cell(command))]
    assert [command for command in typed if expected(command) is ANSWERS[pattern]], pattern
