"""What istiod's webhook says of header operations, in its words.

Source: ValidateHTTPHeaderOperationName and its siblings in pkg/config/validation/validation.go, and
header_value_validator.go beside it, of Istio 1.31.
"""

import re
from collections.abc import Iterator

from localmesh.kinds.istio.types.virtual_service import HeaderOperations, Headers, HTTPRewrite
from localmesh.kinds.review import Problem

AUTHORITY = (":authority", "host")
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~A-Za-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STRING = r'(?:\\.|[^\\)"])*'
_ARGUMENTS = rf'\( *(?:\[ *"|[^\[ ]){_STRING}(?:" *, *"{_STRING})*(?:\)|" *\] *\)) *%'
_VALUE = re.compile(rf"(?:[^%]|%%|%[^%(]*(?:%|{_ARGUMENTS}))*", re.DOTALL)
"""Envoy's grammar of a header's value: text, `%%` for a percent sign, and variables: `%NAME%`, `%NAME(arguments)%`."""


def header_operation_problems(path: str, headers: Headers | None) -> Iterator[Problem]:
    """Yield what is wrong with the operations on the headers of requests and answers."""
    if headers is None:
        return
    request, response = headers.request or HeaderOperations(), headers.response or HeaderOperations()
    for side, operations in (("request", request), ("response", response)):
        for verb, values in (("add", operations.add), ("set", operations.set)):
            for name, value in values.items():
                at = f"{path}.{side}.{verb}[{name}]"
                yield from _name_problems(at, name, authority=side == "request")
                yield from _value_problems(at, value)
        for index, name in enumerate(operations.remove):
            yield from _name_problems(f"{path}.{side}.remove[{index}]", name, authority=False)


def authority_problems(path: str, rewrite: HTTPRewrite | None, headers: Headers | None) -> Iterator[Problem]:
    """Yield where the host of a request is set a second time."""
    request = (headers.request if headers else None) or HeaderOperations()
    current = rewrite.authority if rewrite else ""
    for verb, values in (("set", request.set), ("add", request.add)):
        for name, value in values.items():
            if name.lower() in AUTHORITY:
                if current:
                    reason = f'have "{current}", attempting to set "{value}"'
                    message = f"authority header cannot be set multiple times: {reason}"
                    yield Problem(f"{path}.headers.request.{verb}[{name}]", message)
                    return
                current = value


def _name_problems(path: str, name: str, *, authority: bool) -> Iterator[Problem]:
    """Yield what is wrong with a header's name; the host of a request may be set where `authority` says so."""
    if not name:
        yield Problem(path, "header name cannot be empty")
    elif name.lower() in AUTHORITY and authority:
        return
    elif name.lower() == "host":
        yield Problem(path, f'invalid header "{name}": cannot set Host header')
    elif name.startswith(":"):
        yield Problem(path, f'invalid header "{name}": header cannot have ":" prefix')
    elif not HEADER_NAME.fullmatch(name):
        yield Problem(path, f"{name!r} is no header name: istiod lets it pass, but Envoy refuses the whole route")


def _value_problems(path: str, value: str) -> Iterator[Problem]:
    if _CONTROL.search(value):
        yield Problem(path, f"header value configuration {value!r} is invalid")
    elif not _VALUE.fullmatch(value):
        yield Problem(
            path,
            f"header value configuration: invalid header configuration {value!r}: a percent sign begins one of Envoy's"
            " variables, as in %START_TIME%; write %% for the sign itself",
        )
