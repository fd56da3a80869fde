"""Processes in a container, with what they say on one pipe."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from localmesh.kubelet.children import IO, Child
from localmesh.kubelet.launch import CannotStartError, Launch
from localmesh.kubelet.pipes import PipeReader

CHUNK = 64 * 1024
CANNOT_EXECUTE = 126
"""Exit code of a command that cannot be started, as shells have it."""
COMMAND_OUTPUT = 10 * 1024
"""Bytes of a probe command's output that are shown, as in the kubelet."""


async def start(
    launch: Launch, argv: Sequence[str], environment: Mapping[str, str], *, stdin: IO = subprocess.DEVNULL
) -> tuple[Child, PipeReader]:
    """Start a process in a container; return it with the end of its output. Raises OSError, ValueError."""
    reading, writing = os.pipe()
    try:
        reader = await PipeReader.open(reading)
        try:
            child = launch.spawn(argv, environment, stdin=stdin, stdout=writing)
        except BaseException:
            reader.close()
            raise
        return child, reader
    finally:
        os.close(writing)


async def run_command(launch: Launch, command: Sequence[str]) -> tuple[int, str]:
    """Run a command in a container's environment to its end; return the exit code and what it said."""
    try:
        child, reader = await start(launch, command, launch.exec_environment())
    except (OSError, ValueError, CannotStartError) as error:
        return CANNOT_EXECUTE, str(error)
    output = b""
    try:
        while data := await reader.read(CHUNK):
            output = (output + data)[:COMMAND_OUTPUT]
        return await child.wait(), output.decode(errors="replace")
    finally:
        reader.close()
        child.signal(signal.SIGKILL)
        await child.wait()
