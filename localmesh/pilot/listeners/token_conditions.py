"""What a rule says of a request's token → conditions on its claims.

Source: pilot/pkg/security/authz/model/generator.go of Istio 1.31.
"""

import re
from collections.abc import Callable, Sequence

from localmesh.pilot.listeners.texts import ANY_TEXT, text_like
from localmesh.proxy.authorization import AllOf, AnyOf, Claim, Condition
from localmesh.proxy.matches import TextKind, TextMatch

CLAIMS = "request.auth.claims["
PRINCIPAL = "request.auth.principal"
LISTS = {"request.auth.audiences": "aud", "request.auth.presenter": "azp"}
"""Attributes that are claims of their own."""

_NESTED = re.compile(r"(?:\[[^\[\]]*\])+")


def claim(*path: str) -> Callable[[Sequence[str]], Condition]:
    """Return the condition that a claim, or something in it if it is a list, is like one of some texts."""
    return lambda values: Claim(path, tuple(text_like(value, ANY_TEXT) for value in values), listed=True)


def claim_path(key: str) -> tuple[str, ...]:
    """Return `("a", "b")` for the key `request.auth.claims[a][b]`."""
    brackets = key.removeprefix(CLAIMS.removesuffix("["))
    return tuple(brackets[1:-1].split("][")) if _NESTED.fullmatch(brackets) else (brackets[1:-1],)


def request_principal(values: Sequence[str]) -> Condition:
    """Return the condition that issuer and subject, with a slash between, are like one of some texts."""
    principals = tuple(map(_principal, values))
    return principals[0] if len(principals) == 1 else AnyOf(principals)


def _principal(value: str) -> Condition:
    issuer, subject = _issuer_and_subject(value)
    return AllOf((Claim(("iss",), (issuer,)), Claim(("sub",), (subject,))))


def _issuer_and_subject(value: str) -> tuple[TextMatch, TextMatch]:
    """Return how both have to be; the last slash is the one between, for an issuer may be a URL."""
    issuer, slash, subject = value.rpartition("/") if "/" in value else (value, "", "")
    if value == "*":
        return ANY_TEXT, ANY_TEXT
    if value.startswith("*"):
        return (text_like(issuer, ANY_TEXT), _exactly(subject)) if slash else (ANY_TEXT, text_like(value, ANY_TEXT))
    if value.endswith("*"):
        return (_exactly(issuer), text_like(subject, ANY_TEXT)) if slash else (text_like(value, ANY_TEXT), ANY_TEXT)
    return _exactly(issuer), _exactly(subject)


def _exactly(value: str) -> TextMatch:
    return TextMatch(TextKind.EXACT, value)
