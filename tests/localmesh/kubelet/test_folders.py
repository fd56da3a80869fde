"""What pods did to their folders keeps nobody from deleting them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localmesh.kubelet.folders import remove_folder

NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of somebody who is not root, as whom the test runs: root may delete everything."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if root:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)


def test_read_only_folders_go_and_what_links_lead_to_stays(folder: Path) -> None:
    pod, kept = folder / "pod", folder / "kept"
    (pod / "modules" / "deep").mkdir(parents=True)
    (pod / "modules" / "deep" / "file").write_text("")
    kept.mkdir()
    (pod / "link").symlink_to(kept)
    for place in (kept, pod / "modules" / "deep", pod / "modules"):
        place.chmod(0o500)
    remove_folder(pod)
    assert not pod.exists()
    assert kept.stat().st_mode & 0o777 == 0o500
    remove_folder(pod)
