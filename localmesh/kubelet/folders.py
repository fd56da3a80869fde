"""Folders in which pods did as they liked."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def remove_folder(folder: Path) -> None:
    """Delete a folder with all that is in it, also in read-only folders, as Go leaves its modules in."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        return
    for parent, names, _ in os.walk(folder):
        for inner in (Path(parent, name) for name in names):
            if not inner.is_symlink():  # what it leads to is not the pod's
                with suppress(OSError):
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
