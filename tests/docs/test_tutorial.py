"""docs/tutorial.md has a place for each of the tutorial's commands, and for no others.

`tutorial_commands.txt` beside this file lists them, in the tutorial's order.
"""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COMMANDS = [
    line
    for line in (Path(__file__).with_name("tutorial_commands.txt")).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
ANY = "…"


def rows(page: str) -> list[list[str]]:
    """Return the cells of each row of the page's tables, heads apart."""
    lines = (CHECKOUT / "docs" / page).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if len(row) == 3 and row[0].startswith("`")]


def patterns(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fits(pattern: str, command: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split(ANY)), command) is not None


ROWS = rows("tutorial.md")
PATTERNS = [pattern for row in ROWS for pattern in patterns(row[0])]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_tutorial_has_a_row(command: str) -> None:
    assert [pattern for pattern in PATTERNS if fits(pattern, command)], command


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS)))
def test_what_a_row_names_is_a_command_of_the_tutorial(pattern: str) -> None:
    assert [command for command in COMMANDS if fits(pattern, command)], pattern


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:50])
def test_both_places_have_an_answer(row: list[str]) -> None:
    _, local, cluster = row
    assert re.match(r"(works|instead: `|instead: <|instead: this|not there)", local), local
    assert re.match(r"(works|instead: `|instead: <|not there|the same)", cluster), cluster


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)", "".join(map(str, ROWS))))))
def test_what_a_cell_makes_can_be_made(target: str) -> None:
    assert re.search(rf"(?m)^{target}:", (CHECKOUT / "Makefile").read_text(encoding="utf-8"))
