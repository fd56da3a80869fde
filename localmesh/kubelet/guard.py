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

    def __enter__(self) -> Self:
        # The child inherits what is blocked: from its first moment on nothing but the end of its input ends it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        try:
            self._process = self._start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def _start(self) -> "subprocess.Popen[bytes]":
        program = Path(__file__).with_name("guardian.py")
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
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        """Note that a process group is gone: its number may be another's from now on."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        pipe = self._started().stdin
        try:
            if pipe is not None:
                pipe.write(line.encode())
        except BrokenPipeError:
            logger.warning("the guard process is gone: after a kill -9 of this process pods would go on running")

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("the guard was not started: enter its context first")
        return self._process
