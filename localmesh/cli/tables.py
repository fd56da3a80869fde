"""Tables as istioctl prints them: columns as wide as their longest cell and a gap."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], gap: int = 5) -> str:
    """Return rows as lines, the first being the header; no line ends in blanks."""
    widths = [max(map(len, column)) + gap for column in zip(*rows, strict=True)]
    return "\n".join("".join(map(str.ljust, row, widths)).rstrip() for row in rows)
