"""What a rule says of the other's certificate → conditions on the name in it.

Source: pilot/pkg/security/authz/model/generator.go and pilot/pkg/security/authz/matcher of Istio 1.31.
"""

import re

from localmesh.pilot.listeners.texts import ANY_TEXT, PRESENT, text_like
from localmesh.proxy.authorization import PeerIdentity, ServerName
from localmesh.proxy.matches import TextKind, TextMatch

SPIFFE = "spiffe://"
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


def principal(value: str) -> PeerIdentity:
    """Return the condition that a principal, which is written without its scheme, is like a text."""
    if value == "*":
        return PeerIdentity(ANY_TEXT)
    if value.startswith("*"):
        return _regex(f"{SPIFFE}.*{_quoted(value[1:])}")
    return PeerIdentity(text_like(SPIFFE + value, PRESENT))


def namespace(value: str) -> PeerIdentity:
    """Return the condition that it is one of a namespace; asterisks stand for anything, wherever they are."""
    return _regex(f".*/ns/{'.*'.join(map(_quoted, value.split('*')))}/.*")


def service_account(value: str, own_namespace: str) -> PeerIdentity:
    """Return the condition that it is an account's, of the policy's own namespace unless another is named."""
    place, slash, name = value.partition("/")
    if not slash:
        place, name = own_namespace, value
    return _regex(f"{SPIFFE}.+/ns/{_quoted(place)}/(.+/|)sa/{_quoted(name)}(/.+)?")


def trust_domain(value: str) -> PeerIdentity:
    """Return the condition that it is one of a trust domain."""
    if value == "*":
        return PeerIdentity(TextMatch(TextKind.PREFIX, SPIFFE))
    if "*" not in value:
        return PeerIdentity(TextMatch(TextKind.PREFIX, f"{SPIFFE}{value}/"))
    return _regex(f"{SPIFFE}{'[^/]*'.join(map(_quoted, value.split('*')))}/.*")


def server_name(value: str) -> ServerName:
    """Return the condition that a TLS client asked for a name."""
    return ServerName(text_like(value, ANY_TEXT))


def _regex(pattern: str) -> PeerIdentity:
    return PeerIdentity(TextMatch(TextKind.REGEX, pattern))


def _quoted(text: str) -> str:
    """Return a regular expression for a text, written as Go's `regexp.QuoteMeta` writes it."""
    return _META.sub(r"\\\g<0>", text)
