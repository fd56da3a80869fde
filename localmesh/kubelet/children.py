"""Child processes, each the leader of a session and a process group of its own."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localmesh.kubelet.guard import Guard
from localmesh.kubelet.signal_scope import SignalScope

IO = int | None
"""A file descriptor or one of `subprocess`' constants."""


class Child:
    """A running process. When it ends, what it started ends with it, as in a container."""

    def __init__(self, popen: "subprocess.Popen[bytes]", guard: Guard) -> None:
        self.popen = popen
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._reap, name=f"wait-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id, which is the process group's too."""
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Return the exit code, 128 + n when signal n ended the process."""
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        """Signal the whole group; nothing once the process has ended."""
        if self.is_running:
            _kill_group(self.pid, number)

    async def end(self, grace: float) -> int:
        """Ask the process to end, kill it after `grace` seconds, and return its exit code."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(max(0.0, grace)):
                return await self.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait()

    def _reap(self) -> None:
        """Wait in a thread, as there is no way that both Linux and macOS have to wait on the event loop.

        The process is left a zombie until `_finish`: until then its number and its group's are nobody else's.
        """
        _wait_for_end(self.popen)
        _kill_group(self.pid, signal.SIGKILL)
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        self._guard.ended(self.pid)
        code = self.popen.wait()
        self._ended.set_result(code if code >= 0 else 128 - code)


def spawn(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    guard: Guard,
    scope: SignalScope,
    stdin: IO = subprocess.DEVNULL,
    stdout: IO = subprocess.DEVNULL,
    stderr: IO = subprocess.STDOUT,
) -> Child:
    """Start a program in a session of its own, known to the guard. Raises OSError when it cannot be started."""
    popen = scope.call(
        lambda: subprocess.Popen(
            argv,
            env=environment,
            cwd=folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
        )
    )
    guard.began(popen.pid)
    return Child(popen, guard)


def _wait_for_end(popen: "subprocess.Popen[bytes]") -> None:
    """Wait until a process has ended, and leave it to be reaped where the system can do so (macOS with Python 3.13)."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    else:
        popen.wait()


def _kill_group(group: int, number: int) -> None:
    # macOS answers PermissionError for a group in which only zombies are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
