"""What a process does when it is told to end before it serves.

Imported first of all, so it imports next to nothing.
"""

import os
import signal
from types import FrameType


def end_on_signals() -> None:
    """Has SIGTERM and SIGINT end the process with 0 at once, until the server handles them.

    Importing takes most of a service's start. Meanwhile the kernel would keep SIGTERM from a container's first
    process, which has no default action, and the container would be killed when its grace period is over.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    # Nothing has begun that would need an orderly end, and an exception might be caught by whatever is imported.
    os._exit(0)
