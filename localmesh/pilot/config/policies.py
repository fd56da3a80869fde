"""How requests are treated on their way: retries, subsets. Every default of Istio's that nobody wrote is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from localmesh.kinds.istio import DestinationRule
from localmesh.kinds.istio.destination_rule import Subset
from localmesh.kinds.istio.hosts import covers, is_wildcard, resolve
from localmesh.kinds.istio.virtual_service import HTTPRetry
from localmesh.kinds.istio.virtual_service_rules import retry_status
from localmesh.pilot.registry.index import Service
from localmesh.pilot.snapshot import Config
from localmesh.proxy.actions import RetryPolicy

ROOT_NAMESPACE = "istio-system"
"""Where rules for the whole mesh live."""

DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
"""When Istio tries again by itself. The status 503 is no longer among them since Istio 1.24."""

BY_STATUS = "retriable-status-codes"
"""The condition that a list of statuses needs."""

DEFAULT_RETRIES = 2
NO_TIMEOUT = timedelta(0)
HOST_ATTEMPTS = 5
"""How often Envoy looks for an endpoint that the request was not sent to yet."""

DEFAULT_RETRY = RetryPolicy(DEFAULT_RETRIES, DEFAULT_CONDITIONS, host_attempts=HOST_ATTEMPTS)
SERVER_SIDE_RETRY = RetryPolicy(2, "reset-before-request")
"""Between a sidecar and its application: only what the application certainly has not begun."""


def retry_policy(retries: HTTPRetry | None) -> RetryPolicy | None:
    """Return what a rule's `retries` mean: nothing said is the default, and `attempts: 0` is never again.

    HTTP statuses among the conditions go into a list of their own, which a condition turns on.
    """
    if retries is None:
        return DEFAULT_RETRY
    if retries.attempts == 0:
        return None
    said = retries.retry_on.split(",") if retries.retry_on else [DEFAULT_CONDITIONS]
    statuses = tuple(status for status in map(retry_status, said) if status is not None)
    conditions = ",".join(condition for condition in said if retry_status(condition) is None)
    if statuses and BY_STATUS not in conditions:
        conditions += f",{BY_STATUS}"  # begins with a comma if there are no others; Envoy and istiod do not mind
    return RetryPolicy(retries.attempts, conditions, statuses, retries.per_try_timeout, host_attempts=HOST_ATTEMPTS)


@dataclass(frozen=True, slots=True)
class Subsets:
    """What the DestinationRules say of one Service."""

    subsets: tuple[Subset, ...] = ()
    config: str = ""
    """Path of the rule, the oldest if there are several."""


def subsets_of(service: Service, rules: Sequence[Config[DestinationRule]], client_namespace: str) -> Subsets:
    """Return the subsets of a Service as clients in a namespace see them.

    The first namespace that has a rule decides: the client's own (unless it is the root namespace), then the Service's,
    then the root namespace. There the most specific host wins, and several rules for that host are united: of subsets
    with one name, the oldest stays.
    """
    own = () if client_namespace == ROOT_NAMESPACE else (client_namespace,)
    for namespace in (*own, service.namespace, ROOT_NAMESPACE):
        matching = _most_specific([rule for rule in rules if rule.namespace == namespace], service.host)
        if matching:
            named = {subset.name: subset for rule in reversed(matching) for subset in reversed(rule.spec.subsets)}
            return Subsets(tuple(named.values()), matching[0].path)
    return Subsets()


def _most_specific(rules: Sequence[Config[DestinationRule]], host: str) -> Sequence[Config[DestinationRule]]:
    """Return the rules for the host itself, else those for the longest wildcard that covers it."""
    covering = [(rule, named) for rule in rules if covers(named := resolve(rule.spec.host, rule.namespace), host)]
    best = max((named for _, named in covering), key=lambda named: (not is_wildcard(named), len(named)), default=None)
    return [rule for rule, named in covering if named == best]
