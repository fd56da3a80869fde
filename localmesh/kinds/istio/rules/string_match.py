"""What istiod's webhook says of texts that are compared, in its words.

Source: validateStringMatch and its siblings in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

import re2

from localmesh.kinds.istio.types.virtual_service import StringMatch
from localmesh.kinds.review import Problem

MAX_REGEX_BYTES = 1024
_SILENT = re2.Options()
_SILENT.log_errors = False


def string_match_problems(path: str, match: StringMatch | None, where: str) -> Iterator[Problem]:
    """Yield what is wrong with a condition on a text; `where` is istiod's name for the text."""
    if match is None:
        return
    if match.prefix == "":
        yield Problem(f"{path}.prefix", f'"{where}": prefix string match should not be empty')
    yield from regex_match_problems(path, match, where)


def regex_match_problems(path: str, match: StringMatch | None, where: str) -> Iterator[Problem]:
    """Yield what is wrong with the regular expression of a condition, if it has one."""
    if match is None or match.regex is None:
        return
    if match.regex == "":
        yield Problem(f"{path}.regex", f'"{where}": regex string match should not be empty')
    else:
        yield from regex_problems(f"{path}.regex", match.regex, where)


def regex_problems(path: str, regex: str, where: str) -> Iterator[Problem]:
    """Yield what is wrong with a regular expression."""
    if len(regex.encode()) > MAX_REGEX_BYTES:
        yield Problem(path, f'"{where}": regex is too large, max length allowed is {MAX_REGEX_BYTES}')
    elif complaint := _complaint(regex):
        hint = "Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)"
        yield Problem(path, f'"{where}": error parsing regexp: {complaint}; {hint}')


def _complaint(regex: str) -> str | None:
    try:
        re2.compile(regex, _SILENT)
    except re2.error as error:
        reason = error.args[0]
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    return None
