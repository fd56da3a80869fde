"""A request as OpenTelemetry's ASGI instrumentation can read it.

It decodes headers as UTF-8 or else with Python's escape sequences: of the bytes that HTTP allows in a header (RFC
9110, 5.5), it fails on some and takes others for code points that can't be encoded again. (The rest of a request is
in ASCII, or the server has refused it.)
"""

from starlette.types import Scope


def decodable(scope: Scope) -> Scope:
    """The HTTP request `scope` without headers whose values can't be decoded."""
    headers = [(name, value) for name, value in scope["headers"] if b"\\" not in value or _is_utf8(value)]
    return {**scope, "headers": headers}


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
