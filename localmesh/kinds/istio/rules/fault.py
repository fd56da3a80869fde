"""What istiod's webhook says of faults to inject and of CORS policies, in its words.

Source: validateHTTPFaultInjection and validateCORSPolicy in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator
from datetime import timedelta

from localmesh.kinds.istio.rules.header_operations import HEADER_NAME
from localmesh.kinds.istio.rules.statuses import grpc_status_problems, http_status_problems
from localmesh.kinds.istio.rules.string_match import regex_match_problems
from localmesh.kinds.istio.types.virtual_service import Abort, CorsPolicy, Delay, HTTPFaultInjection, Percent
from localmesh.kinds.review import Problem

CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*")
_LEAST_PERCENT = 0.0001


def fault_problems(path: str, fault: HTTPFaultInjection | None) -> Iterator[Problem]:
    """Yield what is wrong with faults."""
    if fault is None:
        return
    if fault.abort is None and fault.delay is None:
        yield Problem(path, "HTTP fault injection must have an abort and/or a delay")
    if fault.abort:
        yield from _abort_problems(f"{path}.abort", fault.abort)
    if fault.delay:
        yield from _delay_problems(f"{path}.delay", fault.delay)


def fault_warnings(fault: HTTPFaultInjection | None) -> Iterator[str]:
    """Yield what istiod lets pass, but warns of."""
    abort = fault.abort if fault else None
    if abort and abort.http_status is None and abort.grpc_status is None and abort.http2_error is None:
        yield "abort configured, but error type not set"


def _abort_problems(path: str, abort: Abort) -> Iterator[Problem]:
    yield from _percent_problems(f"{path}.percentage", abort.percentage)
    if abort.grpc_status is not None:
        yield from grpc_status_problems(f"{path}.grpcStatus", abort.grpc_status)
    if abort.http2_error is not None:
        yield Problem(f"{path}.http2Error", "HTTP/2 abort fault injection not supported yet")
    if abort.http_status is not None:
        yield from http_status_problems(f"{path}.httpStatus", abort.http_status)


def _delay_problems(path: str, delay: Delay) -> Iterator[Problem]:
    yield from _percent_problems(f"{path}.percentage", delay.percentage)
    if delay.exponential_delay is not None:
        yield Problem(f"{path}.exponentialDelay", "exponentialDelay not supported yet")


def _percent_problems(path: str, percent: Percent | None) -> Iterator[Problem]:
    if percent and percent.value != 0 and not _LEAST_PERCENT <= percent.value <= 100:  # noqa: PLR2004 - a percentage
        yield Problem(path, f"percentage {percent.value} is neither 0.0, nor in range [0.0001, 100.0]")


def cors_problems(path: str, policy: CorsPolicy | None) -> Iterator[Problem]:
    """Yield what is wrong with a CORS policy."""
    if policy is None:
        return
    for index, origin in enumerate(policy.allow_origins):
        at = f"{path}.allowOrigins[{index}]"
        if not (origin.exact or origin.prefix or origin.regex):
            yield Problem(at, "'' is not a valid match type for CORS allow origins")
        yield from regex_match_problems(at, origin, "corsPolicy.allowOrigins")
    for index, method in enumerate(policy.allow_methods):
        if method not in CORS_METHODS:
            yield Problem(f"{path}.allowMethods[{index}]", f'"{method}" is not a supported HTTP method')
    for field, names in (("allowHeaders", policy.allow_headers), ("exposeHeaders", policy.expose_headers)):
        yield from _header_name_problems(f"{path}.{field}", names)
    if policy.max_age is not None and policy.max_age % timedelta(seconds=1):
        yield Problem(f"{path}.maxAge", "max_age duration is accurate only to seconds precision")


def _header_name_problems(path: str, names: tuple[str, ...]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if not name:
            yield Problem(f"{path}[{index}]", "header name cannot be empty")
        elif name != "*" and not HEADER_NAME.fullmatch(name):
            yield Problem(f"{path}[{index}]", f"header name {name} is not a valid header name")
