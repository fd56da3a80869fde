"""The RequestAuthentications of a workload → which tokens its listeners take.

Source: pilot/pkg/security/authn/policy_applier.go of Istio 1.31.
"""

from collections.abc import Sequence

from localmesh.kinds.istio import RequestAuthentication
from localmesh.kinds.istio.types.request_authentication import JWTRule
from localmesh.pilot.snapshot import Config
from localmesh.proxy.authentication import TokenAuthentication, TokenHeader, TokenProvider

SPLIT_CLAIMS = ("permission", "scope")
"""Claims that are lists with blanks between, whoever gives out the token."""


def token_authentications(
    configs: Sequence[Config[RequestAuthentication]], *, clears_route: bool
) -> tuple[TokenAuthentication, ...]:
    """Return what looks at tokens: one filter for all rules, by their issuers, or none."""
    rules = sorted((rule for config in configs for rule in config.spec.jwt_rules), key=lambda rule: rule.issuer)
    providers = tuple(_provider(rule, clears_route=clears_route) for rule in rules)
    return (TokenAuthentication(providers),) if providers else ()


def _provider(rule: JWTRule, *, clears_route: bool) -> TokenProvider:
    return TokenProvider(
        rule.issuer,
        rule.audiences,
        rule.jwks,
        headers=tuple(TokenHeader(header.name, header.prefix) for header in rule.from_headers),
        params=rule.from_params,
        cookies=rule.from_cookies,
        forward=rule.forward_original_token,
        payload_header=rule.output_payload_to_header,
        claim_headers=tuple((output.header, output.claim) for output in rule.output_claim_to_headers),
        split_claims=tuple(sorted({*SPLIT_CLAIMS, *rule.space_delimited_claims})),
        clears_route=clears_route,
    )
