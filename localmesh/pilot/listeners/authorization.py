"""The AuthorizationPolicies of a workload → what its listeners let pass.

Source: pilot/pkg/security/authz/builder of Istio 1.31.
"""

from collections.abc import Iterator, Sequence

from localmesh.kinds.istio import AuthorizationPolicy
from localmesh.kinds.istio.rules.annotations import DRY_RUN, is_dry_run
from localmesh.pilot.listeners.authorization_rules import OpenPort, policy
from localmesh.pilot.snapshot import Config
from localmesh.proxy.authorization import NEVER, Action, Authorization, Policy

Policies = Sequence[Config[AuthorizationPolicy]]

_ORDER = (("AUDIT", Action.LOG), ("DENY", Action.DENY), ("ALLOW", Action.ALLOW))
"""What is noted before what is refused, and that before what is allowed."""


def authorizations(policies: Policies, open_port: OpenPort) -> tuple[Authorization, ...]:
    """Return what decides on what a listener takes, in order."""
    return tuple(_authorizations(policies, open_port))


def _authorizations(policies: Policies, open_port: OpenPort) -> Iterator[Authorization]:
    for name, action in _ORDER:
        about = [config for config in policies if (config.spec.action or "ALLOW") == name]
        tried = [config for config in about if is_dry_run(config.annotations.get(DRY_RUN, ""))]
        enforced = [config for config in about if config not in tried]
        if about:
            yield Authorization(action, _translated(enforced, action, open_port), _translated(tried, action, open_port))


def _translated(policies: Policies, action: Action, open_port: OpenPort) -> tuple[Policy, ...] | None:
    if not policies:
        return None
    rules = (rule for config in policies for rule in _rules(config, action, open_port))
    return tuple(sorted(rules, key=lambda rule: rule.name))


def _rules(config: Config[AuthorizationPolicy], action: Action, open_port: OpenPort) -> Iterator[Policy]:
    """Yield one policy for each rule; without any rule nothing is allowed."""
    name = f"ns[{config.namespace}]-policy[{config.name}]"
    if not config.spec.rules:
        yield Policy(f"{name}-rule[0]", (NEVER,), (NEVER,))
    for index, rule in enumerate(config.spec.rules):
        translated = policy(
            f"{name}-rule[{index}]", rule, config.namespace, open_port, leaves_out=action is not Action.ALLOW
        )
        if translated:
            yield translated
