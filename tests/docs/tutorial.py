"""The tutorial's commands, and what docs/tutorial.md says of them."""

import functools
import re
from itertools import chain
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ANY = "…"
"""Stands in a row for the rest of a line."""
COMMANDS = [
    line
    for line in (Path(__file__).with_name("tutorial_commands.txt")).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
"""Each once, in the tutorial's order."""


def rows(page: str) -> list[list[str]]:
    """Return the cells of each row of a page's tables that begins with a command."""
    lines = (CHECKOUT / "docs" / page).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if len(row) == 3 and row[0].startswith("`")]


def patterns(cell: str) -> list[str]:
    """Return what a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def fits(pattern: str, command: str) -> bool:
    """Tell whether a command is what a row names."""
    return _expression(pattern).fullmatch(command) is not None


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split(ANY)))


ROWS = rows("tutorial.md")
PATTERNS = list(chain.from_iterable(patterns(row[0]) for row in ROWS))


def local_cell(command: str) -> str:
    """Return what the page says of a command on a local mesh."""
    return _row(command)[1]


def cluster_cell(command: str) -> str:
    """Return what the page says of a command in a cluster."""
    _, local, cluster = _row(command)
    return local if cluster.startswith("the same") else cluster


def _row(command: str) -> list[str]:
    return next(row for row in ROWS if any(fits(pattern, command) for pattern in patterns(row[0])))
