"""The supervisor's side of the guardian: nothing is left behind, even after `kill -9`."""

import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL for processes whose supervisor was killed."""


class Guard:
    """A process that outlives this one by as long as it takes to end the others."""

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def __enter__(self) -> Self:
        self._process = self._start()
        return self

    def _start(self) -> "subprocess.Popen[bytes]":
        program = Path(__file__).with_name("guardian.py")
        # The child inherits what is blocked: from its first moment on nothing but the end of its input ends it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", program, str(self._grace)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                bufsize=0,
                start_new_session=True,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    @property
    def pid(self) -> int:
        """The guardian's process id."""
        return self._started().pid

    def began(self, group: int) -> None:
        """Note a process group that is to end with this process."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        """Note that a process group is gone: its number may be another's from now on."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        try:
            self._write(line)
        except BrokenPipeError:
            self._replace()

    def _write(self, lines: str) -> None:
        pipe = self._started().stdin
        if pipe is not None:
            pipe.write(lines.encode())

    def _replace(self) -> None:
        """Start another guardian in place of one that was killed, and tell it of all that runs."""
        killed = self._started()
        try:
            self._process = self._start()
        except OSError:
            logger.exception("the guard process was killed: after a kill -9 of this process pods would go on running")
            return
        killed.communicate()
        logger.warning("the guard process was killed: there is another one now")
        self._write("".join(f"+{group}\n" for group in sorted(self._groups)))

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the guard was not started: enter its context first")
        return self._process
