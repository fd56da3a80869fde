"""Numbers as texts: Python raises ValueError for one of more than 4,300 digits, however good a number it is."""

_LONGEST = 40
"""Digits that are read: no field takes as many."""


def integer(text: str) -> int:
    """Return the number that decimal digits, signed or not, are, 0 for none.

    What is beyond any field stays beyond it.
    """
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text.removeprefix("+"))
    return int(sign + (digits.lstrip("0") or "0")[:_LONGEST])
