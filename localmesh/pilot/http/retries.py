"""When requests are tried again; what nobody wrote is decided here.

Source: pkg/networking/core/route/retry of Istio 1.31.
"""

from msgspec.structs import replace

from localmesh.kinds.istio.rules.retries import retry_status
from localmesh.kinds.istio.types.virtual_service import HTTPRetry
from localmesh.proxy.actions import RetryPolicy

DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
"""When Istio tries again by itself. The status 503 is no longer among them since Istio 1.24."""

BY_STATUS = "retriable-status-codes"
"""The condition that a list of statuses needs."""

DEFAULT_RETRIES = 2
HOST_ATTEMPTS = 5
"""How often Envoy looks for an endpoint that the request was not sent to yet."""

DEFAULT_RETRY = RetryPolicy(DEFAULT_RETRIES, DEFAULT_CONDITIONS, host_attempts=HOST_ATTEMPTS, other_hosts=True)
HASHED_RETRY = replace(DEFAULT_RETRY, other_hosts=False)
SERVER_SIDE_RETRY = RetryPolicy(2, "reset-before-request")
"""Between a sidecar and its application: only what the application certainly has not begun."""


def retry_policy(retries: HTTPRetry | None, *, hashed: bool = False) -> RetryPolicy | None:
    """Return what a rule's `retries` mean: nothing said is the default, and `attempts: 0` is never again.

    Where a hash chooses the endpoint (`hashed`), another one is only looked for if that is asked for. HTTP statuses
    among the conditions go into a list of their own, which a condition turns on.
    """
    if retries is None:
        return HASHED_RETRY if hashed else DEFAULT_RETRY
    if retries.attempts <= 0:
        return None
    named = retries.retry_on.split(",") if retries.retry_on else [DEFAULT_CONDITIONS]
    statuses = tuple(status for status in map(retry_status, named) if status is not None)
    conditions = ",".join(condition for condition in named if retry_status(condition) is None)
    if statuses and BY_STATUS not in conditions:
        conditions += f",{BY_STATUS}"  # begins with a comma if there are no others; Envoy and istiod do not mind
    return RetryPolicy(
        retries.attempts,
        conditions,
        statuses,
        retries.per_try_timeout,
        host_attempts=HOST_ATTEMPTS,
        other_hosts=not hashed if retries.retry_ignore_previous_hosts is None else retries.retry_ignore_previous_hosts,
        other_localities=bool(retries.retry_remote_localities),
        base_interval=retries.backoff,
    )
