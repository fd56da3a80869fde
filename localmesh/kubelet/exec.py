"""Commands that run in a container beside its process, with or without a terminal: `kubectl exec`."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Literal

from localmesh.apiserver.runtime import RuntimeRefusedError
from localmesh.core.loops import ended
from localmesh.kubelet.attach import on_terminal
from localmesh.kubelet.children import Child
from localmesh.kubelet.launch import CannotStartError, Launch
from localmesh.kubelet.pipes import PipeReader, PipeWriter, TerminalWriter

logger = logging.getLogger(__name__)
Stream = Literal["stdout", "stderr"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
CHUNK = 64 * 1024
HANG_UP_GRACE = 2.0
"""Seconds that a command has after SIGHUP."""


class ExecProcess:
    """A running command; implements `apiserver.runtime.Process`."""

    def __init__(self, child: Child, stdin: PipeWriter, outputs: Mapping[Stream, PipeReader]) -> None:
        self._child = child
        self._stdin = stdin
        self._outputs = outputs

    @classmethod
    async def start(cls, launch: Launch, command: Sequence[str], *, stdin: bool, tty: bool) -> "ExecProcess":
        """Start a command in a container. Raises RuntimeRefusedError when it cannot be started."""
        try:
            environment = launch.exec_environment()
        except CannotStartError as error:
            raise RuntimeRefusedError(f"{error.reason}: {error}", 500) from error
        name = command[0] if command else ""
        place = str(launch.folders.home / name) if "/" in name else name
        if shutil.which(place, path=environment["PATH"]) is None:
            raise RuntimeRefusedError(f'exec: "{name}": executable file not found in $PATH', 500)
        try:
            if tty:
                child, reader, writer = await on_terminal(launch, command, environment)
                return cls(child, writer, {"stdout": reader})
            return await cls._on_pipes(launch, command, environment, stdin=stdin)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the command
            raise RuntimeRefusedError(f'exec: "{name}": {error}', 500) from error

    @classmethod
    async def _on_pipes(
        cls, launch: Launch, command: Sequence[str], environment: Mapping[str, str], *, stdin: bool
    ) -> "ExecProcess":
        with ExitStack() as theirs, ExitStack() as ours:
            ends: dict[str, int] = {}
            outputs: dict[Stream, PipeReader] = {}
            ends["stdin"], our_in = os.pipe()
            theirs.callback(os.close, ends["stdin"])
            writer = await PipeWriter.open(our_in)
            ours.callback(writer.close)
            for name in STREAMS:
                our_out, ends[name] = os.pipe()
                theirs.callback(os.close, ends[name])
                outputs[name] = await PipeReader.open(our_out)
                ours.callback(outputs[name].close)
            if not stdin:
                writer.close()
            child = launch.spawn(command, environment, **ends)
            ours.pop_all()
        return cls(child, writer, outputs)

    @property
    def is_running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._child.is_running

    async def write(self, data: bytes) -> None:
        """Hand bytes to the command's standard input; a command that no longer reads is not an error."""
        await self._stdin.write(data)

    async def close_stdin(self) -> None:
        """Tell the command that there is no more input."""
        await self._stdin.end()

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, in characters; nothing without a terminal."""
        self._stdin.resize(width, height)

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """Yield what the command writes until its outputs are closed."""
        queue: asyncio.Queue[tuple[Stream, bytes]] = asyncio.Queue(maxsize=4)
        readers = [asyncio.create_task(_feed(queue, name, reader)) for name, reader in self._outputs.items()]
        left = len(readers)
        try:
            while left:
                name, data = await queue.get()
                if data:
                    yield name, data
                left -= not data
            if isinstance(self._stdin, TerminalWriter):
                # A command may close its outputs a moment before it ends, and a terminal that goes away kills it.
                await self._child.wait()
        finally:
            for task in readers:
                await ended(task)
            self._close()

    async def wait(self) -> int:
        """Return the exit code, 128 + n when signal n ended the command."""
        return await self._child.wait()

    def hang_up(self) -> None:
        """End the command's process group."""
        self._child.signal(signal.SIGHUP)
        asyncio.get_running_loop().call_later(HANG_UP_GRACE, self._child.signal, signal.SIGKILL)

    async def end(self) -> None:
        """End the command's process group and wait until it has ended."""
        self._child.signal(signal.SIGHUP)
        await self._child.end(HANG_UP_GRACE)
        self._close()

    def _close(self) -> None:
        for reader in self._outputs.values():
            reader.close()
        self._stdin.close()


async def _feed(queue: "asyncio.Queue[tuple[Stream, bytes]]", name: Stream, reader: PipeReader) -> None:
    """Hand on what a command writes; an output that breaks off has ended, so that nobody waits for more."""
    try:
        while data := await reader.read(CHUNK):
            await queue.put((name, data))
    except OSError as error:
        logger.warning("the %s of a command broke off: %s", name, error)
    await queue.put((name, b""))
