"""envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication."""

from localmesh.envoy.emit.messages import Message, any_of, given
from localmesh.proxy.authentication import TokenAuthentication, TokenProvider

FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "payload"
"""Where the filter leaves a token's claims, for filters that follow."""


def token_authentication(described: TokenAuthentication) -> Message:
    """Return the HTTP filter."""
    names = [f"origins-{index}" for index, _ in enumerate(described.providers)]
    config = any_of(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers=dict(zip(names, map(_provider, described.providers), strict=True)),
        rules=[{"match": {"prefix": "/"}, "requires": _requirement(names)}],
        bypass_cors_preflight=True,
    )
    return {"name": FILTER, "typed_config": config}


def _requirement(names: list[str]) -> Message:
    """Return what tokens a request has to carry: of each provider a valid one or none.

    With several providers one valid token is enough too: they may look for their tokens in the same place.
    """
    alternatives = [_any_of({"provider_name": name}, {"allow_missing": {}}) for name in names]
    if len(alternatives) == 1:
        return alternatives[0]
    return _any_of(*({"provider_name": name} for name in names), {"requires_all": {"requirements": alternatives}})


def _any_of(*requirements: Message) -> Message:
    return {"requires_any": {"requirements": list(requirements)}}


def _provider(provider: TokenProvider) -> Message:
    return given(
        issuer=provider.issuer,
        audiences=list(provider.audiences) or None,
        local_jwks={"inline_string": provider.keys},
        forward=provider.forward or None,
        from_headers=[
            given(name=token_header.name, value_prefix=token_header.prefix or None) for token_header in provider.headers
        ]
        or None,
        from_params=list(provider.params) or None,
        from_cookies=list(provider.cookies) or None,
        forward_payload_header=provider.payload_header or None,
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata={"space_delimited_claims": list(provider.split_claims)},
        claim_to_headers=[{"header_name": header, "claim_name": claim} for header, claim in provider.claim_headers]
        or None,
        clear_route_cache=provider.clears_route or None,
    )
