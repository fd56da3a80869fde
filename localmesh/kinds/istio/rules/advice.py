"""What istiod takes in silence, and users are surprised by: said as warnings that change no verdict."""

from collections.abc import Iterator

from localmesh.kinds.istio.types.virtual_service import HTTPRoute


def advice(path: str, rule: HTTPRoute) -> Iterator[str]:
    """Yield what does not go together in one rule."""
    if rule.fault and rule.fault.abort and rule.retries and rule.retries.attempts > 0:
        yield f"{path}.fault.abort: is answered before the router, so this route's retries never see it"
    if rule.fault and rule.fault.delay and rule.timeout:
        yield f"{path}.fault.delay: comes before the router, so this route's timeout does not count it"
    yield from _too_many_tries(path, rule)


def _too_many_tries(path: str, rule: HTTPRoute) -> Iterator[str]:
    """Yield retries of which the last ones cannot come, for the route's timeout spans all tries."""
    retries = rule.retries
    if not (rule.timeout and retries and retries.per_try_timeout and retries.attempts > 0):
        return
    longest = retries.per_try_timeout * (retries.attempts + 1)
    if longest > rule.timeout:
        yield (
            f"{path}.timeout: {_seconds(rule.timeout.total_seconds())} ends all tries together, which may take"
            f" {_seconds(longest.total_seconds())} ({retries.attempts + 1} tries of"
            f" {_seconds(retries.per_try_timeout.total_seconds())} each)"
        )


def _seconds(number: float) -> str:
    return f"{number:g}s"
