"""The folder of one mesh: kubeconfig, lock, log and what its pods write.

It belongs to a checkout (`.mesh/` there, or what MESH_DIR names) and is for its owner alone, since whoever reads the
kubeconfig can run commands as that user.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from localmesh.core.errors import MeshError

CHECKOUT = Path(__file__).resolve().parent.parent


class AlreadyRunsError(MeshError):
    """Another supervisor holds the folder."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a supervisor tells of itself in the lock file."""

    pid: int
    gateway_port: int
    api_port: int
    started: str
    """RFC 3339, UTC."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one mesh's folder."""

    path: Path

    @classmethod
    def default(cls) -> "Home":
        """Return the folder that MESH_DIR names, else `.mesh` in the checkout."""
        return cls(Path(os.environ.get("MESH_DIR") or CHECKOUT / ".mesh").absolute())

    @property
    def kubeconfig(self) -> Path:
        """The door's address and the client certificate."""
        return self.path / "kubeconfig"

    @property
    def environment(self) -> Path:
        """What a shell sources to have kubectl and mesh on its PATH."""
        return self.path / "env"

    @property
    def bin(self) -> Path:
        """The two commands, and no Python that would hide the user's own."""
        return self.path / "bin"

    @property
    def log(self) -> Path:
        """What the supervisor says."""
        return self.path / "supervisor.log"

    @property
    def pods(self) -> Path:
        """One folder for each pod."""
        return self.path / "pods"

    @property
    def images(self) -> Path:
        """A user's own additions to what stands for which image; the mesh only reads it."""
        return self.path / "images.yaml"

    @property
    def own_images(self) -> tuple[Path, ...]:
        """`images`, if there is such a file."""
        return (self.images,) if self.images.exists() else ()

    @property
    def proxies(self) -> Path:
        """One folder for each Envoy."""
        return self.path / "proxies"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.path / "lock"

    def create(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    @contextmanager
    def hold(self) -> Iterator["Lock"]:
        """Hold the folder for one supervisor. Raises AlreadyRunsError."""
        with self.lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunsError(self.already_runs()) from None
            try:
                yield Lock(file.fileno())
            finally:
                file.truncate(0)

    def running(self) -> Running | None:
        """Return who holds the folder, None when nobody does: a killed supervisor's lock is free."""
        if not self.lock.exists():
            return None
        with self.lock.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read()
                return Running(**json.loads(text)) if text else Running(0, 0, 0, "")
            return None

    def already_runs(self) -> str:
        """Say that a mesh runs here, and what can be done about it."""
        running = self.running()
        where = (
            f" (pid {running.pid}, started with its gateway on port {running.gateway_port})"
            if running and running.pid
            else ""
        )
        return (
            f"a mesh already runs in this checkout{where}: `mesh status` shows it, `mesh down` ends it;"
            " MESH_DIR=DIR mesh up --gateway-port PORT starts a second one"
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """The held lock file."""

    descriptor: int

    def tell(self, running: Running) -> None:
        """Write who holds it."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(asdict(running)).encode(), 0)
