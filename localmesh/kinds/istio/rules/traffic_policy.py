"""What istiod's webhook says of traffic policies, in its words.

Source: validateTrafficPolicy and its parts in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.kinds.istio.rules.connection_pool import connection_pool_problems, duration_problems
from localmesh.kinds.istio.rules.load_balancer import load_balancer_problems, load_balancer_warnings
from localmesh.kinds.istio.types.destination_rule import OutlierDetection, PortTrafficPolicy, TrafficPolicy
from localmesh.kinds.review import Problem

_HUNDRED = 100
_OLD_ERRORS = (
    "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead"
)
_NO_SPLIT = (
    "outlier detection consecutive local origin failures is specified, "
    "but split external local origin errors is set to false"
)


def traffic_policy_problems(path: str, policy: TrafficPolicy) -> Iterator[Problem]:
    """Yield what is wrong with the policy of a DestinationRule or of a subset."""
    if policy == TrafficPolicy():
        yield Problem(path, "traffic policy must have at least one field")
    yield from _common_problems(path, policy)
    if policy.retry_budget:
        yield from duration_problems(f"{path}.retryBudget.budgetInterval", policy.retry_budget.budget_interval)
    for index, setting in enumerate(policy.port_level_settings):
        place = f"{path}.portLevelSettings[{index}]"
        if setting.port is None:
            yield Problem(f"{place}.port", "portTrafficPolicy must have valid port")
        if setting == PortTrafficPolicy(port=setting.port):
            yield Problem(place, "port traffic policy must have at least one field")
        yield from _common_problems(place, setting)


def traffic_policy_warnings(path: str, policy: TrafficPolicy) -> Iterator[str]:
    """Yield what is odd about a policy, or other here than in a cluster."""
    yield from _common_warnings(path, policy)
    for index, setting in enumerate(policy.port_level_settings):
        yield from _common_warnings(f"{path}.portLevelSettings[{index}]", setting)


def _common_problems(path: str, policy: TrafficPolicy | PortTrafficPolicy) -> Iterator[Problem]:
    if policy.outlier_detection:
        yield from _outlier_problems(f"{path}.outlierDetection", policy.outlier_detection)
    if policy.connection_pool:
        yield from connection_pool_problems(f"{path}.connectionPool", policy.connection_pool)
    if policy.load_balancer:
        yield from load_balancer_problems(f"{path}.loadBalancer", policy.load_balancer)


def _common_warnings(path: str, policy: TrafficPolicy | PortTrafficPolicy) -> Iterator[str]:
    if policy.outlier_detection and policy.outlier_detection.consecutive_errors:
        yield _OLD_ERRORS
    if policy.load_balancer:
        yield from load_balancer_warnings(f"{path}.loadBalancer", policy.load_balancer)


def _outlier_problems(path: str, outliers: OutlierDetection) -> Iterator[Problem]:
    if outliers.consecutive_local_origin_failures and not outliers.split_external_local_origin_errors:
        yield Problem(f"{path}.consecutiveLocalOriginFailures", _NO_SPLIT)
    percentages = {
        "maxEjectionPercent": outliers.max_ejection_percent,
        "minHealthPercent": outliers.min_health_percent,
    }
    for field, percentage in percentages.items():
        if not 0 <= percentage <= _HUNDRED:
            yield Problem(f"{path}.{field}", f"percentage {percentage} is not in range 0..{_HUNDRED}")
