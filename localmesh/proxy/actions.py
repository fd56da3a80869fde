"""What becomes of a request that a route takes.

A further kind of action is a struct here, a member of `Action`, and a case in `envoy.emit.route`.
"""

from datetime import timedelta

from msgspec import Struct

from localmesh.proxy.hash_policies import HashPolicy
from localmesh.proxy.route_policies import NO_MUTATIONS, Fraction, HeaderMutations


class RetryPolicy(Struct, frozen=True):
    """When and how often a request is tried again."""

    retries: int
    """Tries beyond the first."""

    conditions: str
    """Envoy's `retry_on`."""

    statuses: tuple[int, ...] = ()
    """HTTP statuses that count as `retriable-status-codes`."""

    per_try_timeout: timedelta | None = None

    host_attempts: int | None = None
    """How often another endpoint is looked for where one was refused by `other_hosts`; None for Envoy's own."""

    other_hosts: bool = False
    """Whether an endpoint that was tried is not tried again while there are others."""

    other_localities: bool = False
    """Whether places that were tried are not tried again while there are others."""

    base_interval: timedelta | None = None
    """The shortest pause between two tries; None for Envoy's own."""


class RegexRewrite(Struct, frozen=True):
    """A new path, made from the old one."""

    pattern: str
    """What of the path is replaced, in RE2's syntax."""

    substitution: str
    """What stands in its place, with `\\1` for what the first group took."""


class Mirror(Struct, frozen=True):
    """Another cluster that gets copies of the requests; nobody waits for its answers."""

    cluster: str
    share: Fraction


class WeightedCluster(Struct, frozen=True):
    """One destination."""

    cluster: str
    weight: int | None = None
    """Share of the requests in relation to the others'; None for a destination that was named alone."""

    host: str | None = None
    """What the upstream is told as host; None for what the client said."""

    request_headers: HeaderMutations = NO_MUTATIONS
    response_headers: HeaderMutations = NO_MUTATIONS


class Forward(Struct, frozen=True):
    """The request goes on to a cluster."""

    clusters: tuple[WeightedCluster, ...]
    """At least one."""

    timeout: timedelta = timedelta(0)
    """For all tries together, 0 for no limit."""

    retry: RetryPolicy | None = None
    server_side: bool = False
    """Whether this is the last step, into the application: then a request may last as long as it likes."""

    host: str | None = None
    """What the upstream is told as host; None for what the client said."""

    prefix: str | None = None
    """What stands in the place of the path's matched beginning; not together with `rewrite`."""

    rewrite: RegexRewrite | None = None
    mirrors: tuple[Mirror, ...] = ()
    hashes: tuple[HashPolicy, ...] = ()
    """What is hashed for load balancers that go by a hash."""


class Redirect(Struct, frozen=True):
    """The client is told to ask elsewhere; what is None stays as it was asked for."""

    status: int
    """301, 302, 303, 307 or 308."""

    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    """The whole new path."""

    prefix: str | None = None
    """What stands in the place of the path's matched beginning; not together with `path`."""


class DirectResponse(Struct, frozen=True):
    """The proxy answers by itself."""

    status: int
    body: str | bytes | None = None


Action = Forward | Redirect | DirectResponse
