"""Who asks: the tokens that requests carry (JSON Web Tokens, RFC 7519)."""

from msgspec import Struct


class TokenHeader(Struct, frozen=True):
    """A header in which a token may be."""

    name: str
    prefix: str = ""
    """What stands in front of the token."""


class TokenProvider(Struct, frozen=True):
    """One who gives out tokens, and how to know that a token is his."""

    issuer: str
    audiences: tuple[str, ...]
    """For whom a token must be, one of them; empty for anybody."""

    keys: str
    """His public keys, in JSON."""

    headers: tuple[TokenHeader, ...] = ()
    params: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    """Where tokens are looked for; nowhere named is in `authorization` and in the parameter `access_token`."""

    forward: bool = False
    """Whether the token goes on to the application."""

    payload_header: str = ""
    """The header in which the application gets all claims, in base64."""

    claim_headers: tuple[tuple[str, str], ...] = ()
    """Headers in which it gets single claims: header, claim."""

    split_claims: tuple[str, ...] = ()
    """Claims that are lists with blanks between."""

    clears_route: bool = False
    """Whether the route is chosen anew once the claims are known."""


class TokenAuthentication(Struct, frozen=True):
    """Refuses requests whose token is not valid; those without any go on."""

    providers: tuple[TokenProvider, ...]
