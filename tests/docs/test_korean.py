"""The Korean documents keep step with the English ones: headings, code, table rows, and what each cell promises."""

import re
from pathlib import Path

import pytest

from tests.docs.tutorial import CHECKOUT, rows

PAIRS = {
    "README.md": "README.ko.md",
    "docs/experiments.md": "docs/ko/experiments.md",
    "docs/tutorial.md": "docs/ko/tutorial.md",
}
PROMISES = {"works": "동작", "instead": "대신", "not there": "없음", "the same": "동일"}
"""The word with which a cell of the table of commands begins."""
COMMENT = re.compile(r"\s+# .*$")


def text(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", text(page))


def headings(page: str) -> list[tuple[str, str]]:
    """Return each heading's level, with its number and the tutorial's section, which no translation changes."""
    found = re.findall(r"(?m)^(#+) (.*)$", prose(page))
    return [(level, "".join(re.findall(r"^\d+\.|\(\d[\d.]*\)", title))) for level, title in found]


def blocks(page: str) -> list[list[str]]:
    """Return the lines of each block of code, without comments."""
    found = re.findall(r"(?ms)^```\w*\n(.*?)^```$", text(page))
    return [[COMMENT.sub("", line) for line in block.splitlines()] for block in found]


def spans(page: str) -> list[str]:
    """Return what stands between backticks outside of blocks, sorted: a translation may put it elsewhere."""
    return sorted(re.findall(r"`([^`\n]+)`", prose(page)))


@pytest.mark.parametrize("page", PAIRS)
def test_the_blocks_of_code_are_the_same(page: str) -> None:
    assert blocks(PAIRS[page]) == blocks(page)


@pytest.mark.parametrize("page", PAIRS)
def test_the_headings_are_in_step(page: str) -> None:
    assert headings(PAIRS[page]) == headings(page)


@pytest.mark.parametrize("page", PAIRS)
def test_what_is_typed_within_sentences_is_the_same(page: str) -> None:
    assert spans(PAIRS[page]) == spans(page)


def test_each_command_has_the_same_promise() -> None:
    english, korean = rows("tutorial.md"), rows("ko/tutorial.md")
    assert [row[0] for row in korean] == [row[0] for row in english]
    for row, translated in zip(english, korean, strict=True):
        for cell, its in zip(row[1:], translated[1:], strict=True):
            promise = next(word for word in PROMISES if cell.startswith(word))
            assert its.startswith(PROMISES[promise]), f"{cell}\n{its}"


@pytest.mark.parametrize("page", [*PAIRS, *PAIRS.values()])
def test_links_lead_to_files_and_headings_that_are_there(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        file = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"(?m)^#+ (.*)$", file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
