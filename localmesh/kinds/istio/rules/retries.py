"""What istiod's webhook says of retries, in its words.

Source: validateHTTPRetry in pkg/config/validation/validation.go of Istio 1.31.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus

from localmesh.core.numbers import integer
from localmesh.kinds.istio.types.virtual_service import HTTPRetry
from localmesh.kinds.review import Problem

RETRY_CONDITIONS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""What `retryOn` may name besides HTTP statuses: Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_STATUSES = frozenset(HTTPStatus)


def retry_problems(path: str, retries: HTTPRetry) -> Iterator[Problem]:
    """Yield what is wrong with retries."""
    if retries.attempts < 0:
        yield Problem(f"{path}.attempts", "attempts cannot be negative")
    if retries.attempts == 0 and _says_how(retries):
        yield Problem(f"{path}.attempts", "http retry policy configured when attempts are set to 0 (disabled)")
    for condition in retries.retry_on.split(",") if retries.retry_on else ():
        if condition not in RETRY_CONDITIONS and retry_status(condition) is None:
            yield Problem(f"{path}.retryOn", _unknown_condition(condition))


def _says_how(retries: HTTPRetry) -> bool:
    """Tell whether something is said of retries beyond their number that istiod minds when there are none."""
    return retries.per_try_timeout is not None or retries.retry_remote_localities is not None or bool(retries.retry_on)


def retry_status(condition: str) -> int | None:
    """Return the HTTP status that a condition of `retryOn` is, None for one that has a name."""
    number = integer(condition) if _INTEGER.fullmatch(condition) else None
    return number if number in _STATUSES else None


def _unknown_condition(condition: str) -> str:
    hint = (
        "no spaces around it"
        if condition.strip() in RETRY_CONDITIONS
        else "use a status or " + ", ".join(RETRY_CONDITIONS)
    )
    return f'"{condition}" is not a valid retryOn policy; {hint}'
