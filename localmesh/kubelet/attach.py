"""A container's own input and output, shared by its log and by whoever is attached (`kubectl attach`, `run -i`)."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Literal

from msgspec import Struct, field

from localmesh.core.loops import ended
from localmesh.kubelet.children import Child
from localmesh.kubelet.commands import CHUNK, start
from localmesh.kubelet.launch import Launch
from localmesh.kubelet.logs import LogFile
from localmesh.kubelet.pipes import PipeReader, PipeWriter, TerminalWriter

KEPT = 256 * 1024
"""Bytes of output that wait for the first one to attach, so that a fast command is not missed."""
BACKLOG = 16
"""Pieces that an attached user may lag behind: then the process waits, as it does for a slow terminal."""
# A session's leader must take the terminal itself before it becomes the command: Ctrl-C is sent to whoever owns it.
OWN_TERMINAL = "import fcntl,os,sys,termios;fcntl.ioctl(0,termios.TIOCSCTTY,0);os.execvp(sys.argv[1],sys.argv[1:])"


class Streams(Struct):
    """One run's ends: what it writes comes out of `reader`, what it reads goes into `stdin`."""

    child: Child
    reader: PipeReader
    stdin: PipeWriter | None = None
    once: bool = False
    """Whether its input ends with the first user who was attached to it (`stdinOnce`)."""

    _is_over: bool = False
    _attached: set["Attachment"] = field(default_factory=set)
    _kept: bytearray | None = None
    """What nobody has seen yet, attached or in the log; None once somebody was attached, and for a container without
    input."""

    @classmethod
    async def open(cls, launch: Launch, argv: Sequence[str], environment: Mapping[str, str]) -> "Streams":
        """Start a container's process with the input that its manifest asks for. Raises OSError, ValueError."""
        container = launch.container
        if container.tty:
            return cls(*await on_terminal(launch, argv, environment), once=container.stdin_once, _kept=bytearray())
        if not container.stdin:
            return cls(*await start(launch, argv, environment))
        theirs, ours = os.pipe()
        try:
            writer = await PipeWriter.open(ours)
            try:
                child, reader = await start(launch, argv, environment, stdin=theirs)
            except BaseException:
                writer.close()
                raise
        finally:
            os.close(theirs)
        return cls(child, reader, writer, once=container.stdin_once, _kept=bytearray())

    async def pump(self, log: LogFile) -> None:
        """Hand the output to the log and to all who are attached, until it ends."""
        try:
            while data := await self.reader.read(CHUNK):
                log.write(data)
                if self._kept is not None:
                    self._kept += data
                    del self._kept[:-KEPT]
                for attachment in tuple(self._attached):
                    await attachment.take(data)
        finally:
            self._is_over = True
            for attachment in tuple(self._attached):
                attachment.end()

    @property
    def has_more(self) -> bool:
        """Whether there is anything to attach to: the process runs, or nobody was attached to it while it did."""
        return not self._is_over or self._kept is not None

    def note_log_was_read(self) -> None:
        """Show what the log has by now to nobody who attaches later: `kubectl run -i` reads the log first."""
        if self._kept is not None:
            self._kept.clear()

    def attach(self) -> "Attachment":
        """Return a user's end; the first one sees all output that nobody has seen."""
        attachment = Attachment(self, bytes(self._kept or b""))
        self._kept = None
        self._attached.add(attachment)
        if self._is_over:
            attachment.end()
        return attachment

    def detach(self, attachment: "Attachment") -> None:
        """Forget a user."""
        self._attached.discard(attachment)
        if self.once and self.stdin is not None and not isinstance(self.stdin, TerminalWriter):
            self.stdin.close()

    def close(self) -> None:
        """Let go of all ends."""
        self.reader.close()
        if self.stdin is not None:
            self.stdin.close()


class Attachment:
    """One user at a container's own process; implements `apiserver.runtime.Process`."""

    def __init__(self, streams: Streams, seen: bytes) -> None:
        self._streams = streams
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=BACKLOG)
        self._ended = asyncio.Event()
        if seen:
            self._queue.put_nowait(seen)

    async def take(self, data: bytes) -> None:
        """Take a piece of output, waiting as long as the user lags behind."""
        putting = asyncio.create_task(self._queue.put(data))
        leaving = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((putting, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended(putting)
            await ended(leaving)

    def end(self) -> None:
        """Note that there will be no more output."""
        self._ended.set()

    async def write(self, data: bytes) -> None:
        """Hand bytes to the process' standard input."""
        if self._streams.stdin is not None:
            await self._streams.stdin.write(data)

    async def close_stdin(self) -> None:
        """Tell the process that there is no more input, if its manifest says that one user is all it gets."""
        if self._streams.stdin is not None and self._streams.once:
            await self._streams.stdin.end()

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, in characters; nothing without a terminal."""
        if self._streams.stdin is not None:
            self._streams.stdin.resize(width, height)

    async def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Yield what the process writes until it ends; both of its outputs are one, as in its log."""
        over, getting = asyncio.create_task(self._ended.wait()), asyncio.create_task(self._queue.get())
        try:
            while not (self._ended.is_set() and self._queue.empty() and not getting.done()):
                await asyncio.wait((getting, over), return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    data, getting = getting.result(), asyncio.create_task(self._queue.get())
                    yield "stdout", data
        finally:
            await ended(over)
            await ended(getting)
            self._streams.detach(self)

    async def wait(self) -> int:
        """Return 0: how the process ended is in the pod's status, where kubectl looks for it."""
        return 0

    def hang_up(self) -> None:
        """Leave; the process goes on."""
        self._ended.set()
        self._streams.detach(self)


async def on_terminal(
    launch: Launch, argv: Sequence[str], environment: Mapping[str, str]
) -> tuple[Child, PipeReader, TerminalWriter]:
    """Start a process on a terminal of its own; return it with its output and its input. Raises OSError."""
    master, slave = os.openpty()
    with ExitStack() as theirs, ExitStack() as ours:
        theirs.callback(os.close, slave)
        writer = await TerminalWriter.open(master)
        ours.callback(writer.close)
        reader = await PipeReader.open(os.dup(master))
        ours.callback(reader.close)
        command, terminal = [sys.executable, "-I", "-S", "-c", OWN_TERMINAL, *argv], {"TERM": "xterm"}
        child = launch.spawn(command, {**terminal, **environment}, stdin=slave, stdout=slave, stderr=slave)
        ours.pop_all()
    return child, reader, writer
