"""Unix sockets: their paths have to be short, and only the user may reach them."""

import hashlib
import os
from pathlib import Path

MAX_PATH = 100
"""Bytes of a socket's longest path: macOS has room for 103, Linux for 107."""

LONGEST_NAME = 24
"""Bytes of a socket's longest name within its folder."""


def socket_folder(preferred: Path) -> Path:
    """Return a folder for sockets: the preferred one, or one of its own among temporary files if that lies too deep."""
    if len(os.fsencode(preferred)) + 1 + LONGEST_NAME <= MAX_PATH:
        return preferred
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    return Path("/tmp") / f"mesh-{os.getuid()}-{digest}"


def sockets_of(folder: Path) -> Path:
    """Return where what lives in a folder has its sockets: below it, or elsewhere if that lies too deep."""
    return socket_folder(folder / "sockets")


def make_private(folder: Path) -> None:
    """Make a folder that only this user can enter. Raises PermissionError when it is somebody else's already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else: remove it, or name another folder with MESH_DIR")
    folder.chmod(0o700)
