"""What is installed: each package by its version and the hashes of its files, wherever they are fetched from."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FILES = sorted((CHECKOUT / "requirements").glob("*.txt"))
INSTALLING = [*sorted(CHECKOUT.glob("Dockerfile.*")), CHECKOUT / "Makefile"]
PINNED = re.compile(r"[a-z0-9][a-z0-9.-]*==\S+( ; [^\\]+)?( \\\n +--hash=sha256:[0-9a-f]{64})+\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_a_file_names_packages_by_version_and_hash_and_nothing_else(file: Path) -> None:
    text = re.sub(r"(?m)^ *#.*\n", "", file.read_text(encoding="utf-8"))
    assert PINNED.search(text)
    assert PINNED.sub("", text) == ""


def test_make_lock_writes_every_file() -> None:
    (parts,) = re.findall(r"for part in ([a-z -]+); do uv pip compile", INSTALLING[-1].read_text(encoding="utf-8"))
    assert sorted(parts.split()) == [file.stem for file in FILES]


@pytest.mark.parametrize("file", INSTALLING, ids=lambda file: str(file.name))
def test_whoever_installs_them_insists_on_the_hashes(file: Path) -> None:
    installs = re.findall(r"pip .*install .*-r .*", file.read_text(encoding="utf-8"))
    assert installs
    assert all("--require-hashes" in line for line in installs), installs
