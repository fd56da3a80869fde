"""What a process does before it imports the rest.

Imported first of all, so it imports next to nothing.
"""

import gc
import os
import signal
from types import FrameType


def prepare() -> None:
    """Has SIGTERM and SIGINT end the process with 0 at once, until the server handles them, and collects no garbage.

    Importing takes most of a service's start. Meanwhile the kernel would keep SIGTERM from a container's first
    process, which has no default action, and the container would be killed when its grace period is over. The
    collector of garbage would take an eighth of it, and find next to nothing; `runner.run` switches it on again.
    """
    gc.disable()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    # Nothing has begun that would need an orderly end, and an exception might be caught by whatever is imported.
    os._exit(0)
