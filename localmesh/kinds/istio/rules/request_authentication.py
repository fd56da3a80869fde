"""What istiod's webhook says of a RequestAuthentication, in its words.

Source: ValidateRequestAuthentication in pkg/config/validation/validation.go of Istio 1.31.
"""

import re
from collections.abc import Iterator

from localmesh.core.objects import Key
from localmesh.kinds.istio.rules.json_web_keys import JsonWebKeys, JwksError
from localmesh.kinds.istio.rules.workload_selector import selector_problems, selector_warnings
from localmesh.kinds.istio.types.request_authentication import JWTRule, RequestAuthentication
from localmesh.kinds.review import Problem, Review

_HEADER_NAME = re.compile(r"[-_A-Za-z0-9]+")


def review_request_authentication(_key: Key, spec: RequestAuthentication) -> Review:
    """Judge a RequestAuthentication."""
    return Review(tuple(_problems(spec)), tuple(_warnings(spec)))


def _problems(spec: RequestAuthentication) -> Iterator[Problem]:
    if spec.selector:
        yield from selector_problems(spec.selector.match_labels)
    for index, rule in enumerate(spec.jwt_rules):
        for field, complaint in _complaints(rule):
            yield Problem(f"spec.jwtRules[{index}].{field}", complaint)


def _warnings(spec: RequestAuthentication) -> Iterator[str]:
    if spec.selector:
        yield from selector_warnings(spec.selector.match_labels)
    for rule in spec.jwt_rules:
        for index in JsonWebKeys.parse(rule.jwks).private if _keys_complaint(rule) is None else ():
            yield (
                f"jwks key at index {index} contains private key material; only public keys are used for verification"
            )


def _complaints(rule: JWTRule) -> Iterator[tuple[str, str]]:
    """Yield fields of a rule, and what is wrong with them."""
    if not rule.issuer:
        yield "issuer", "issuer or jwksUri must be non-empty string"
    if complaint := _keys_complaint(rule):
        yield "jwks", complaint
    if "" in rule.audiences:
        yield "audiences", "audience must be non-empty string"
    if any(not header.name for header in rule.from_headers):
        yield "fromHeaders", "location header name must be non-empty string"
    if "" in rule.from_params:
        yield "fromParams", "location query must be non-empty string"
    if "" in rule.from_cookies:
        yield "fromCookies", "cookie name must be non-empty string"
    for output in rule.output_claim_to_headers:
        if not output.claim or not output.header:
            yield "outputClaimToHeaders", "outputClaimToHeaders header and claim value must be non-empty string"
        elif not _HEADER_NAME.fullmatch(output.header):
            yield "outputClaimToHeaders", f"header name {output.header} is not a valid header name"


def _keys_complaint(rule: JWTRule) -> str | None:
    if not rule.jwks:
        return "the local mesh fetches no keys, neither from jwksUri nor from the issuer: write them here"
    try:
        JsonWebKeys.parse(rule.jwks)
    except JwksError as error:
        return str(error)
    return None
