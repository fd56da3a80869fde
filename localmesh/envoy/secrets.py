"""envoy.extensions.transport_sockets.tls.v3.Secret: what an Envoy gets of the mesh's certificates."""

from localmesh.envoy.emit.tls import AUTHORITY, CERTIFICATE
from localmesh.envoy.resources import Resource


def own_certificate(chain: str, key: str) -> Resource:
    """Return the secret with a proxy's own certificate and key, both PEM."""
    return {
        "name": CERTIFICATE,
        "tls_certificate": {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}},
    }


def authority(certificate: str) -> Resource:
    """Return the secret with the certificate, PEM, of those whose certificates count."""
    return {"name": AUTHORITY, "validation_context": {"trusted_ca": {"inline_string": certificate}}}
