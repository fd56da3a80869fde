"""Who may knock: certificates made anew at each start, for the owner of the kubeconfig alone.

kubectl sends no credentials without TLS. With a client certificate demanded, whoever has none (a page in a browser,
another user) does not get past the handshake.
"""

import ssl

import trustme
from msgspec import Struct

HOSTS = ("127.0.0.1", "localhost")


class Credentials(Struct, frozen=True):
    """What both ends of the door's connections need; all bytes are PEM."""

    server: ssl.SSLContext
    authority: bytes
    certificate: bytes
    key: bytes
    """Of the client."""


def issue() -> Credentials:
    """Make an authority, a server certificate and a client certificate."""
    authority = trustme.CA(organization_name="localmesh")
    client = authority.issue_cert("kubectl.localmesh", common_name="kubectl")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert(*HOSTS).configure_cert(context)
    return Credentials(
        context,
        authority.cert_pem.bytes(),
        client.cert_chain_pems[0].bytes(),
        client.private_key_pem.bytes(),
    )
