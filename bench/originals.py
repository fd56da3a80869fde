"""The book's own services, built from a checkout of its source (github.com/istioinaction/book-source-code).

Both are built in a folder beside, so that the checkout stays as it is. Catalog is Node and its packages come from
npm; webapp is Go and its module is built on the spot. Two lines are changed, which name the ports.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.process import BenchError

LISTEN = "server.listen(3000,"
"""In catalog's server.js; beego, on which webapp stands, has a setting for it."""


@dataclass(frozen=True, slots=True)
class Originals:
    """The built services."""

    catalog: Path
    """Folder with server.js and its packages."""
    webapp: Path
    """Folder with the program and what it reads at start."""


def build(checkout: Path, into: Path, *, catalog_port: int, webapp_port: int) -> Originals:
    """Builds both, to listen on these ports.

    Raises:
        BenchError: the folder is no such checkout, a tool is missing, or a build failed; with what it said.
    """
    services = checkout / "services"
    for needed in (services / "catalog" / "server.js", services / "webapp" / "main.go"):
        if not needed.is_file():
            raise BenchError(f"{needed} is missing; --originals takes a checkout of istioinaction/book-source-code")
    return Originals(
        catalog=_catalog(services / "catalog", into / "catalog", catalog_port),
        webapp=webapp(checkout, into / "webapp", webapp_port),
    )


def _catalog(source: Path, folder: Path, port: int) -> Path:
    shutil.copytree(source, folder)
    server = folder / "server.js"
    text = server.read_text(encoding="utf-8")
    if text.count(LISTEN) != 1:
        raise BenchError(f"{server} does not say where it listens by {LISTEN!r}; this is another catalog")
    server.write_text(text.replace(LISTEN, f"server.listen({port},"), encoding="utf-8")
    if not (folder / "node_modules").is_dir():
        _run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], folder)
    return folder


def webapp(checkout: Path, folder: Path, port: int) -> Path:
    """Builds webapp alone, to listen on this port; raises as `build` does."""
    shutil.copytree(checkout / "services" / "webapp", folder)
    with (folder / "conf" / "app.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"\nhttpaddr = 127.0.0.1\nhttpport = {port}\n")
    _run(["go", "build", "-o", "webapp", "."], folder)
    return folder


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise BenchError(f"{command[0]} is not on PATH; it builds the original {folder.name}")
    print(f"building the original {folder.name}: {' '.join(command)}", flush=True)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed in a copy of {folder.name}:\n{done.stderr[-2000:]}")


def versions() -> str:
    """Node's and Go's versions."""
    answers = [
        subprocess.run(c, capture_output=True, text=True, check=True).stdout
        for c in (["node", "-v"], ["go", "version"])
    ]
    return f"Node {answers[0].strip()}, {answers[1].split()[2]}"
