"""Ends what a killed supervisor leaves behind: a program of its own, started by `guard.Guard`.

It reads the process groups that begin (`+123`) and end (`-123`) from its standard input. At the end of input, which
comes even when the supervisor was killed with SIGKILL, it ends the groups that are left. Nothing but the standard
library's smallest parts is imported: it lives as long as the mesh.
"""

import os
import signal
import sys
import time


def survivors(groups: set[int]) -> set[int]:
    """Return the groups of which some process is left."""
    return {group for group in groups if send(group, 0)}


def send(group: int, number: int) -> bool:
    """Signal a process group; return whether there is one. Signal 0 only asks."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def watch() -> set[int]:
    """Return the groups that are left when the supervisor's end of the pipe is closed."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main(grace: float) -> None:
    """Watch, then end what is left: SIGTERM, `grace` seconds, SIGKILL."""
    groups = {group for group in watch() if send(group, signal.SIGTERM)}
    end = time.monotonic() + grace
    while groups and time.monotonic() < end:
        time.sleep(0.02)
        groups = survivors(groups)
    for group in groups:
        send(group, signal.SIGKILL)


if __name__ == "__main__":
    main(float(sys.argv[1]))
