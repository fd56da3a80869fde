"""docs/tutorial.md has a place for each of the tutorial's commands, and for no others.

`tutorial_commands.txt` beside this file lists them, in the tutorial's order.
"""

import re

import pytest

from tests.docs.tutorial import CHECKOUT, COMMANDS, PATTERNS, ROWS, fits


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
