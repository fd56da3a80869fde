"""TLS between proxies: both ends show a certificate that says whose they are."""

from msgspec import Struct

TRUST_DOMAIN = "cluster.local"


class ClientTls(Struct, frozen=True):
    """How a proxy begins a connection: with its own certificate, and a look at the other's."""

    server_name: str
    """What it asks for (SNI)."""

    application_protocols: tuple[str, ...]
    """What it offers to speak (ALPN)."""

    identities: tuple[str, ...] = ()
    """Whose certificate the other has to show, one of them; empty for anybody's in the mesh."""

    if_taken: bool = False
    """Whether it is for those endpoints alone that take it, and the others are spoken to in plain text."""


class ServerTls(Struct, frozen=True):
    """How a proxy takes a connection: with its own certificate, and none without the other's."""

    application_protocols: tuple[str, ...]
    """Of those that the client offers, it takes the first."""

    identities: str
    """How the name in the other's certificate has to begin."""


def identity(namespace: str, service_account: str) -> str:
    """Return who the proxies of a service account are, in the form of SPIFFE."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{service_account}"
