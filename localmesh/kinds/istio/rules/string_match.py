"""What istiod's webhook says of texts that are compared, in its words.

Source: validateStringMatch and its siblings in pkg/config/validation/validation.go of Istio 1.31.
"""

import re
from collections.abc import Iterator

import re2

from localmesh.kinds.istio.types.virtual_service import StringMatch
from localmesh.kinds.review import Problem

MAX_REGEX_BYTES = 1024
MAX_PROGRAM = 32768
"""The longest program that Istio lets Envoy make of one (`re2.max_program_size.error_level`); istiod takes any."""

_NOT_IN_GO = re.compile(r"\\Q.*?(?:\\E|$)|\\(?P<escape>.)|(?P<group>\(\?P?<(?P<name>[^>]*)>)", re.DOTALL)
"""What Go's reader and RE2's own see differently, past what is quoted."""

_SILENT = re2.Options()
_SILENT.log_errors = False
_TOO_LARGE = "pattern too large"


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
    elif _is_too_large(regex):
        yield Problem(path, f"istiod lets it pass, but Envoy takes no program of more than {MAX_PROGRAM} steps")


def _complaint(regex: str) -> str | None:
    try:
        re2.compile(regex, _SILENT)
    except re2.error as error:
        reason = error.args[0]
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return None if _TOO_LARGE in text else text
    return next(_complaints_of_go(regex), None)


def _complaints_of_go(regex: str) -> Iterator[str]:
    """Yield what Go, in which istiod is written, does not take of what RE2 takes."""
    for found in _NOT_IN_GO.finditer(regex):
        if found["escape"] == "C":
            yield r"invalid escape sequence: `\C`"
        if found["group"] and not re.fullmatch(r"[A-Za-z0-9_]+", found["name"]):
            yield f"invalid named capture: `{found['group']}`"


def _is_too_large(regex: str) -> bool:
    try:
        return bool(re2.compile(regex, _SILENT).programsize > MAX_PROGRAM)
    except re2.error:
        return True
