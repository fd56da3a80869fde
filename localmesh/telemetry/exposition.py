"""Prometheus' text format: what a proxy's page says, under the names that Istio's metrics have.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/. Lines are kept as text wherever that will do:
a page has thousands, and few of them are looked at.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SCOPE = "istio"
"""The prefix of the stats logger's scope (see `envoy.telemetry`)."""

_PREFIX = f"envoy_{SCOPE}_"
"""What Envoy puts before the name of a stat of that scope."""

_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_PARTY = re.compile(r'((?:source|destination)_\w+)=""')
_ESCAPED = re.compile(r"\\(.)")


def bare(name: str) -> str:
    """Return Istio's own name for what Envoy shows with its prefix; any other name as it is."""
    return name.removeprefix(_PREFIX)


def samples(text: str) -> Iterator[tuple[str, float]]:
    """Yield each sample of a page: name and labels as they stand there, and the value.

    What is no sample is passed over: a proxy's page is not ours to judge.
    """
    for line in lines_of(text):
        if line and line[0] != "#":
            series, _, value = line.rpartition(" ")
            try:
                yield series, float(value)
            except ValueError:
                continue


def lines_of(text: str) -> list[str]:
    """Return a page's lines: only a line feed ends one, and a label's value may hold what Unicode calls an end, too."""
    return text.split("\n")


def name_of(series: str) -> str:
    """Return a series' name, Istio's bare one if it is Istio's."""
    return bare(series.partition("{")[0])


def labels_of(series: str) -> dict[str, str]:
    """Return a series' labels."""
    return {name: _unescaped(value) for name, value in _LABEL.findall(series.partition("{")[2])}


def explicit(series: str) -> str:
    """Return a series of Istio's with "unknown" for a party that is not known: Envoy leaves its labels empty."""
    return _PARTY.sub(r'\1="unknown"', series) if '=""' in series else series


def label_text(labels: Mapping[str, str]) -> str:
    """Return labels as they stand between braces."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def with_labels(series: str, more: str) -> str:
    """Return a series with labels (see `label_text`) added, and Istio's bare name."""
    name, brace, labels = explicit(series).partition("{")
    inner = labels[:-1] if brace else ""
    return f"{bare(name)}{{{inner}{',' if inner and more else ''}{more}}}"


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], value) if "\\" in value else value


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class _Family(Struct):
    comments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Merged(Struct):
    """Several pages as one: each metric's samples stand together, told apart by labels, as the format wants it."""

    _families: dict[str, _Family] = field(default_factory=dict)

    def add(self, text: str, labels: Mapping[str, str]) -> None:
        """Add a page whose samples get these labels."""
        more, family = label_text(labels), ""
        for line in lines_of(text):
            if line.startswith("# "):
                family = self._comment(line) or family
            elif line and line[0] != "#":
                series, _, value = line.rpartition(" ")
                name = name_of(series)
                owner = family if family and name.startswith(family) else name
                self._family(owner).lines.append(f"{with_labels(series, more)} {value}")

    def text(self) -> str:
        """Return the whole page."""
        return "".join(f"{line}\n" for family in self._families.values() for line in (*family.comments, *family.lines))

    def _comment(self, line: str) -> str:
        """Keep a family's first TYPE and HELP; return the family's name."""
        words = line.split(" ", 3)
        if len(words) < 4 or words[1] not in ("TYPE", "HELP"):  # noqa: PLR2004 -- "# TYPE name type"
            return ""
        words[2] = bare(words[2])
        family = self._family(words[2])
        if not any(comment.startswith(f"# {words[1]} ") for comment in family.comments):
            family.comments.append(" ".join(words))
        return words[2]

    def _family(self, name: str) -> _Family:
        return self._families.setdefault(name, _Family())


def merged(pages: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """Return pages, each with the labels that its samples get, as one page."""
    page = Merged()
    for text, labels in pages:
        page.add(text, labels)
    return page.text()
