"""What becomes of a request that a route takes."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often a request is tried again."""

    retries: int
    """Tries beyond the first."""

    conditions: str
    """Envoy's `retry_on`."""

    statuses: tuple[int, ...] = ()
    """HTTP statuses that count as `retriable-status-codes`."""

    per_try_timeout: timedelta | None = None

    host_attempts: int | None = None
    """How often another endpoint is looked for that was not tried yet; None: any endpoint will do."""


@dataclass(frozen=True, slots=True)
class Share:
    """One destination of a route."""

    cluster: str
    weight: int | None = None
    """Share of the requests in relation to the others'; None for a destination that was named alone."""
