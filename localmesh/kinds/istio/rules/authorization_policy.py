"""What istiod's webhook says of an AuthorizationPolicy, in its words.

Source: ValidateAuthorizationPolicy in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Key
from localmesh.kinds.istio.rules.policy_values import (
    bad_accounts,
    bad_addresses,
    bad_attribute,
    bad_path_templates,
    bad_ports,
    bad_trust_domains,
    empty_values,
)
from localmesh.kinds.istio.rules.workload_selector import selector_problems, selector_warnings
from localmesh.kinds.istio.types.authorization_policy import (
    AuthorizationPolicy,
    Condition,
    From,
    Operation,
    Rule,
    Source,
)
from localmesh.kinds.review import Problem, Review

DENY = "DENY"
_ADDRESSES = "every pod has the address 127.0.0.1 here, and so has whoever calls the gateway"
_HTTP_ONLY = (
    "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the use of only HTTP "
    "attributes in a DENY rule; it is recommended to explicitly specify the port"
)


def review_authorization_policy(_key: Key, spec: AuthorizationPolicy) -> Review:
    """Judge an AuthorizationPolicy."""
    return Review(tuple(_problems(spec)), tuple(_warnings(spec)))


def _problems(spec: AuthorizationPolicy) -> Iterator[Problem]:
    if spec.selector:
        yield from selector_problems(spec.selector.match_labels)
    if spec.action == DENY and not spec.rules:
        yield Problem(
            "spec.rules",
            "DENY action without `rules` is meaningless as it will never be triggered, add an empty rule `{}` if you "
            "want it be triggered for every request",
        )
    for index, rule in enumerate(spec.rules):
        for field, complaint in _rule_complaints(rule, index):
            yield Problem(f"spec.rules[{index}].{field}", complaint)


def _rule_complaints(rule: Rule, number: int) -> Iterator[tuple[str, str]]:
    """Yield fields of a rule, and what is wrong with them."""
    for index, from_ in enumerate(rule.from_):
        for complaint in _source_complaints(from_.source, number):
            yield f"from[{index}].source", complaint
    for index, to in enumerate(rule.to):
        for complaint in _operation_complaints(to.operation, number):
            yield f"to[{index}].operation", complaint
    for index, condition in enumerate(rule.when):
        for complaint in _condition_complaints(condition):
            yield f"when[{index}]", complaint


def _source_complaints(source: Source | None, number: int) -> Iterator[str]:
    if source is None:
        yield f"`from.source` must not be nil, found at rule {number}"
    elif source == Source():
        yield f"`from.source` must not be empty, found at rule {number}"
    else:
        for addresses in (source.ip_blocks, source.not_ip_blocks, source.remote_ip_blocks, source.not_remote_ip_blocks):
            yield from bad_addresses(addresses)
        yield from empty_values("Principals", source.principals)
        yield from empty_values("RequestPrincipals", source.request_principals)
        yield from empty_values("Namespaces", source.namespaces)
        yield from bad_accounts("ServiceAccounts", source.service_accounts)
        yield from bad_trust_domains("TrustDomains", source.trust_domains)
        yield from empty_values("NotPrincipals", source.not_principals)
        yield from empty_values("NotRequestPrincipals", source.not_request_principals)
        yield from empty_values("NotNamespaces", source.not_namespaces)
        yield from bad_accounts("NotServiceAccounts", source.not_service_accounts)
        yield from bad_trust_domains("NotTrustDomains", source.not_trust_domains)


def _operation_complaints(operation: Operation | None, number: int) -> Iterator[str]:
    if operation is None:
        yield f"`to.operation` must not be nil, found at rule {number}"
    elif operation == Operation():
        yield f"`to.operation` must not be empty, found at rule {number}"
    else:
        yield from bad_ports((*operation.ports, *operation.not_ports))
        yield from _empty_texts(operation)
        yield from bad_path_templates("Paths", operation.paths)
        yield from bad_path_templates("NotPaths", operation.not_paths)


def _empty_texts(operation: Operation) -> Iterator[str]:
    yield from empty_values("Methods", operation.methods)
    yield from empty_values("Paths", operation.paths)
    yield from empty_values("Hosts", operation.hosts)
    yield from empty_values("NotMethods", operation.not_methods)
    yield from empty_values("NotPaths", operation.not_paths)
    yield from empty_values("NotHosts", operation.not_hosts)


def _condition_complaints(condition: Condition) -> Iterator[str]:
    key = condition.key
    if not condition.values and not condition.not_values:
        yield f"at least one of `values` or `notValues` must be set for key {key}"
        return
    for complaint in bad_attribute(key, condition.values):
        yield f"invalid `value` for `key` {key}: {complaint}"
    for complaint in bad_attribute(key, condition.not_values):
        yield f"invalid `notValue` for `key` {key}: {complaint}"


def _warnings(spec: AuthorizationPolicy) -> Iterator[str]:
    if spec.selector:
        yield from selector_warnings(spec.selector.match_labels)
    for index, rule in enumerate(spec.rules):
        if spec.action == DENY and _speaks_of_http_alone(rule):
            yield _HTTP_ONLY
        if _speaks_of_addresses(rule):
            yield f"spec.rules[{index}]: the local mesh compares the addresses as they are: {_ADDRESSES}"


def _speaks_of_http_alone(rule: Rule) -> bool:
    """Tell whether a connection that is no HTTP is denied by what is left of the rule: istiod's own guess."""
    if rule.to:
        return not any(to.operation and (to.operation.ports or to.operation.not_ports) for to in rule.to)
    return bool(rule.from_) and not any(map(_has_addresses, rule.from_))


def _speaks_of_addresses(rule: Rule) -> bool:
    return any(map(_has_addresses, rule.from_)) or any(
        condition.key in ("source.ip", "remote.ip") for condition in rule.when
    )


def _has_addresses(from_: From) -> bool:
    source = from_.source
    return source is not None and bool(
        source.ip_blocks or source.not_ip_blocks or source.remote_ip_blocks or source.not_remote_ip_blocks
    )
