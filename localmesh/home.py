"""The folder of one mesh: kubeconfig, lock, log and what its pods write.

It belongs to a checkout (`.mesh/` there, or what MESH_DIR names) and is for its owner alone, since whoever reads the
kubeconfig can run commands as that user.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field

from localmesh.core.errors import LoopTrouble, MeshError
from localmesh.core.sockets import sockets_of

PAGE = 16 * 1024
"""Bytes of the lock file, more than a supervisor has to tell."""

KUBECONFIG_WRITTEN, READY = "kubeconfig", "ready"
"""What a supervisor tells `mesh up`, that waits for it: kubectl may start, and later, kubectl is answered."""

AVAILABLE = "available "
"""What it tells in front of the name of each Deployment that is available."""

CHECKOUT = Path(__file__).resolve().parent.parent


class AlreadyRunsError(MeshError):
    """Another supervisor holds the folder."""


class RunningMesh(Struct, frozen=True):
    """What a supervisor tells of itself in the lock file."""

    pid: int
    gateway_port: int
    api_port: int
    started: str
    """RFC 3339, UTC."""

    confines_signals: bool = False
    """Whether the kernel keeps the signals of its pods within the mesh."""

    troubles: Mapping[str, LoopTrouble] = field(default_factory=dict)
    """The loops that died so far and were started anew, by name."""

    failure: str = ""
    """Why the mesh ended although nobody asked it to; such a supervisor runs no more."""

    @classmethod
    def read(cls, text: bytes) -> "RunningMesh":
        """Read what `Lock.tell` wrote; nothing is known of a supervisor that has told nothing that can be read."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return cls(0, 0, 0, "")


class Home(Struct, frozen=True):
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
    def sockets(self) -> Path:
        """Where Envoys get their configuration and have their admin pages; elsewhere if this folder lies too deep."""
        return sockets_of(self.path)

    @property
    def collector(self) -> Path:
        """The Unix socket on which proxies send their spans."""
        return self.sockets / "zipkin.sock"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.path / "lock"

    @property
    def marker(self) -> Path:
        """Says that the folder is a mesh's own: what is in it may be deleted."""
        return self.path / ".localmesh"

    def create(self) -> None:
        """Make the folder, readable by its owner alone. Raises MeshError when it is somebody else's."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_ours()
            self.path.chmod(0o700)
            self.marker.write_text("A local mesh keeps its state here: `mesh up` deletes pods/ and proxies/.\n")
        except OSError as error:
            raise MeshError(f"{self.path} cannot be a mesh's folder: {error.strerror}") from error

    def _check_ours(self) -> None:
        """Raise MeshError for a folder with anything in it that no mesh has put there."""
        if self.marker.exists() or (self.lock.is_file() and self.kubeconfig.is_file()):
            return  # the latter is how a mesh of an earlier version left it
        strange = sorted({file.name for file in self.path.iterdir()} - {self.images.name})
        if strange:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            raise MeshError(
                f"{self.path} is not a mesh's folder, there is {strange[0]}{more} in it, and a mesh deletes pods/ and"
                " proxies/ in its own: let MESH_DIR name an empty folder, or one that is yet to be made"
            )

    @contextmanager
    def hold(self) -> Iterator["Lock"]:
        """Hold the folder for one supervisor. Raises AlreadyRunsError, and MeshError for somebody else's folder."""
        self._check_ours()
        # Not for appending: what is told is written in place, and Linux would append it.
        with open(self.lock, "r+", opener=lambda path, flags: os.open(path, flags | os.O_CREAT, 0o600)) as file:
            try:
                with self._gate(fcntl.LOCK_EX):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunsError(self.already_runs()) from None
            lock = Lock(file.fileno())
            file.truncate()  # a killed supervisor's number may be anybody's by now, and `mesh down` would end that
            self._remove_sockets()  # what a killed supervisor left
            try:
                yield lock
            finally:
                self._remove_sockets()
                lock.clear()

    def tidy(self) -> None:
        """Remove what a killed supervisor left outside of the folder, unless another one runs by now."""
        if not self.lock.exists():
            return
        with self.lock.open("r+") as file, suppress(MeshError, BlockingIOError), self._gate(fcntl.LOCK_EX):
            self._check_ours()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._remove_sockets()
            fcntl.flock(file, fcntl.LOCK_UN)  # before the gate opens: who starts then is told of no other supervisor

    def _remove_sockets(self) -> None:
        """Remove the folders of sockets, which may lie among temporary files: nobody else would find them."""
        for folder in (self.path, self.pods):
            shutil.rmtree(sockets_of(folder), ignore_errors=True)

    def running(self) -> RunningMesh | None:
        """Return who holds the folder, None when nobody does: a killed supervisor's lock is free."""
        if not self.lock.exists():
            return None
        with self.lock.open("rb+") as file:
            try:
                with self._gate(fcntl.LOCK_SH):
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    fcntl.flock(file, fcntl.LOCK_UN)
            except BlockingIOError:
                return RunningMesh.read(file.read())
            return None

    def last(self) -> RunningMesh | None:
        """Return the supervisor that ended unasked, None when the last one ended as it should or none ever ran."""
        told = RunningMesh.read(self.lock.read_bytes() if self.lock.exists() else b"")
        return told if told.pid else None

    @contextmanager
    def _gate(self, kind: int) -> Iterator[None]:
        """Keep who looks and who takes the lock apart: a look is a lock, too, and would be taken for a supervisor's."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, kind)
            yield
        finally:
            os.close(folder)

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


class Lock(Struct, frozen=True):
    """The held lock file."""

    descriptor: int

    def tell(self, running: RunningMesh) -> None:
        """Write who holds it, in one piece: a reader sees the text before or this one."""
        os.pwrite(self.descriptor, msgspec.json.encode(running).ljust(PAGE), 0)

    def clear(self) -> None:
        """Leave nothing, unless it says why the mesh ended unasked."""
        if not RunningMesh.read(os.pread(self.descriptor, PAGE, 0)).failure:
            os.ftruncate(self.descriptor, 0)
