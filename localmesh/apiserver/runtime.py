"""What the door asks of whoever runs the pods. The kubelet implements it; the door never imports the kubelet."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from localmesh.core.objects import Key
from localmesh.core.places import Place


class RuntimeRefusedError(Exception):
    """A request about a pod that cannot be served, in words for kubectl's user.

    `code` is the HTTP status (400 for "container is not running", 404 …).
    """

    def __init__(self, message: str, code: int = 400) -> None:
        super().__init__(message)
        self.code = code


class LogOptions(Struct, frozen=True):
    """The query parameters of a log request, as in Kubernetes' PodLogOptions."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


class Process(Protocol):
    """A process in a pod: a command of `kubectl exec`, or the container's own that somebody is attached to."""

    async def write(self, data: bytes) -> None:
        """Hand bytes to the command's standard input; a command that no longer reads is not an error."""

    async def close_stdin(self) -> None:
        """Tell the command that there is no more input."""

    def resize(self, width: int, height: int) -> None:
        """Give its terminal another size, in characters; nothing without a terminal."""

    def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Yield what the command writes until both of its outputs are closed."""

    async def wait(self) -> int:
        """Return the exit code, 128 + n when signal n ended it."""

    def hang_up(self) -> None:
        """The user is gone: a command ends, a container's own process goes on."""


class Runtime(Protocol):
    """The running pods."""

    def logs(self, pod: Key, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield a container's log; with `follow`, until the container ends.

        Raises RuntimeRefusedError at the first step.
        """

    async def exec(self, pod: Key, container: str, command: Sequence[str], *, stdin: bool, tty: bool) -> Process:
        """Start a command in a container's environment.

        Raises RuntimeRefusedError when the container does not run or the command is unknown.
        """

    async def attach(self, pod: Key, container: str, *, stdin: bool) -> Process:
        """Return a container's own process, as `kubectl attach` and `kubectl run -i` speak to it.

        Raises RuntimeRefusedError when the container does not run, or takes no input and `stdin` asks for some.
        """

    def missing_image(self, image: str) -> str:
        """Return why an image cannot run and what can be done about it, "" when it can."""

    def port(self, pod: Key, port: int) -> Place:
        """Return the place behind a pod's port, 15000 being its Envoy's admin page.

        Raises RuntimeRefusedError for a port nobody serves.
        """
