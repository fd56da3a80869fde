"""Who denied a request: what an Envoy says of an answer of its own, in words.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details
"""

import re

_MATCHED = re.compile(r"rbac_access_denied_matched_policy\[(.*)\]")
_POLICY = re.compile(r"ns\[(?P<namespace>[^\]]*)\]-policy\[(?P<name>[^\]]*)\]-rule\[(?P<rule>\d+)\]")
"""How istiod calls a rule of an AuthorizationPolicy."""

_TOKEN = re.compile(r"jwt_authn_access_denied\{(.*)\}")


def in_words(details: str) -> str:
    """Return who denied a request and by which rule; "" for an answer that is no denial of a proxy's."""
    if matched := _MATCHED.fullmatch(details):
        policy = _POLICY.fullmatch(matched[1])
        if policy:
            return f"denied by AuthorizationPolicy {policy['name']}.{policy['namespace']}, spec.rules[{policy['rule']}]"
        return "denied: no rule of an ALLOW AuthorizationPolicy matches"
    if token := _TOKEN.fullmatch(details):
        return f"denied by RequestAuthentication: {token[1].replace('_', ' ')}"
    return ""
