"""Texts as AuthorizationPolicies write them: an asterisk stands for anything, at the beginning or at the end."""

from localmesh.proxy.matches import TextKind, TextMatch

ANY_TEXT = TextMatch(TextKind.REGEX, ".+")
PRESENT = TextMatch(TextKind.PRESENT)


def text_like(value: str, anything: TextMatch, *, ignore_case: bool = False) -> TextMatch:
    """Return how a text has to be; `anything` for an asterisk alone."""
    if value == "*":
        return anything
    if value.startswith("*"):
        return TextMatch(TextKind.SUFFIX, value[1:], ignore_case)
    if value.endswith("*"):
        return TextMatch(TextKind.PREFIX, value[:-1], ignore_case)
    return TextMatch(TextKind.EXACT, value, ignore_case)
