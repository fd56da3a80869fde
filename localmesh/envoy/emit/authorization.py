"""envoy.config.rbac.v3.RBAC, and the filters for HTTP and for connections that follow it."""

from collections.abc import Sequence

from localmesh.envoy.emit.messages import Message, any_of, given
from localmesh.envoy.emit.route_match import header_matcher, string_matcher
from localmesh.envoy.emit.token_authentication import FILTER, PAYLOAD
from localmesh.proxy.authorization import (
    Action,
    AddressRange,
    AllOf,
    Always,
    AnyOf,
    Authorization,
    Claim,
    Condition,
    DestinationPort,
    Not,
    OfConnection,
    OfRequest,
    PathMatch,
    PathTemplate,
    PeerIdentity,
    Policy,
    ServerName,
)
from localmesh.proxy.matches import HeaderMatch, TextMatch

RULE, IDENTIFIER = "rule", "id"
"""What a condition is called in a Permission, and in a Principal: `and_rules` here is `and_ids` there."""


def http_authorization(described: Authorization) -> Message:
    """Return the HTTP filter."""
    config = any_of("envoy.extensions.filters.http.rbac.v3.RBAC", **_rules(described))
    return {"name": "envoy.filters.http.rbac", "typed_config": config}


def network_authorization(described: Authorization) -> Message:
    """Return the network filter."""
    config = any_of("envoy.extensions.filters.network.rbac.v3.RBAC", **_rules(described), stat_prefix="tcp.")
    return {"name": "envoy.filters.network.rbac", "typed_config": config}


def _rules(described: Authorization) -> Message:
    trial = described.action if described.dry_run is not None else Action.ALLOW
    return given(
        rules=_rbac(described.action, described.policies),
        shadow_rules=_rbac(described.action, described.dry_run),
        shadow_rules_stat_prefix=f"istio_dry_run_{trial.lower()}_",
    )


def _rbac(action: Action, policies: Sequence[Policy] | None) -> Message | None:
    if policies is None:
        return None
    named = {policy.name: _policy(policy) for policy in policies}
    return given(action=None if action is Action.ALLOW else action.value, policies=named or None)


def _policy(policy: Policy) -> Message:
    return {
        "permissions": [_condition(condition, RULE) for condition in policy.permissions],
        "principals": [_condition(condition, IDENTIFIER) for condition in policy.principals],
    }


def _condition(condition: Condition, noun: str) -> Message:
    """Return a Permission or a Principal."""
    match condition:
        case Always():
            return {"any": True}
        case AllOf(conditions):
            return {f"and_{noun}s": {f"{noun}s": [_condition(part, noun) for part in conditions]}}
        case AnyOf(conditions):
            return {f"or_{noun}s": {f"{noun}s": [_condition(part, noun) for part in conditions]}}
        case Not(inner):
            return {f"not_{noun}": _condition(inner, noun)}
        case _:
            return _leaf(condition)


def _leaf(condition: OfRequest | OfConnection) -> Message:
    match condition:
        case HeaderMatch():
            return {"header": header_matcher(condition)}
        case PathMatch(text):
            return {"url_path": {"path": string_matcher(text)}}
        case PathTemplate(template):
            return {"uri_template": _uri_template(template)}
        case Claim(path, texts, listed):
            return {"metadata": _claim(path, texts, listed=listed)}
        case _:
            return _of_connection(condition)


def _of_connection(condition: OfConnection) -> Message:
    match condition:
        case DestinationPort(number):
            return {"destination_port": number}
        case AddressRange(prefix, length, direct):
            return {"direct_remote_ip" if direct else "remote_ip": {"address_prefix": prefix, "prefix_len": length}}
        case PeerIdentity(text):
            return {"authenticated": {"principal_name": string_matcher(text)}}
        case ServerName(text):
            return {"requested_server_name": string_matcher(text)}


def _claim(path: Sequence[str], texts: Sequence[TextMatch], *, listed: bool) -> Message:
    """Return a MetadataMatcher for what the filter before has left."""
    value = _one_of([{"string_match": string_matcher(text)} for text in texts])
    return {
        "filter": FILTER,
        "path": [{"key": key} for key in (PAYLOAD, *path)],
        "value": _one_of([{"list_match": {"one_of": value}}, value]) if listed else value,
    }


def _one_of(values: Sequence[Message]) -> Message:
    return values[0] if len(values) == 1 else {"or_match": {"value_matchers": list(values)}}


def _uri_template(template: str) -> Message:
    config = any_of("envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", path_template=template)
    return {"name": "uri-template", "typed_config": config}
