"""envoy.extensions.transport_sockets.tls.v3.Secret: what an Envoy gets of the mesh's certificates."""

from base64 import b64encode

from localmesh.envoy.emit.tls import AUTHORITY, CERTIFICATE
from localmesh.envoy.resources import Resource


def own_certificate(chain: str, key: str) -> Resource:
    """Return the secret with a proxy's own certificate and key, both PEM."""
    return {"name": CERTIFICATE, "tls_certificate": {"certificate_chain": _inline(chain), "private_key": _inline(key)}}


def authority(certificate: str) -> Resource:
    """Return the secret with the certificate, PEM, of those whose certificates count."""
    return {"name": AUTHORITY, "validation_context": {"trusted_ca": _inline(certificate)}}


def _inline(pem: str) -> Resource:
    """Return a DataSource, as bytes: istioctl reads no others. These are base64 in protobuf's JSON."""
    return {"inline_bytes": b64encode(pem.encode()).decode()}
