"""envoy.extensions.transport_sockets.tls.v3: TLS with the certificates that come by the stream.

Source: pilot/pkg/security/model/authentication.go of Istio 1.31.
"""

from localmesh.envoy.emit.messages import Message, any_of
from localmesh.envoy.resources import ADS
from localmesh.proxy.tls import ClientTls, ServerTls

CERTIFICATE = "default"
"""What a proxy's own certificate is called, as in Istio."""

AUTHORITY = "ROOTCA"
"""What those are called whose certificates count."""

_TLS = "envoy.extensions.transport_sockets.tls.v3"
_VERSIONS = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
_CIPHERS = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
]
_RAW: Message = {
    "name": "envoy.transport_sockets.raw_buffer",
    "typed_config": any_of("envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"),
}
_INSPECTOR: Message = {
    "name": "envoy.filters.listener.tls_inspector",
    "typed_config": any_of(
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", initial_read_buffer_size=512
    ),
}


def looking_for_tls() -> Message:
    """Return the fields of a listener that looks for TLS; who says nothing is taken for plain text by and by."""
    return {
        "listener_filters": [_INSPECTOR],
        "listener_filters_timeout": "0s",
        "continue_on_listener_filters_timeout": True,
    }


def server_socket(described: ServerTls) -> Message:
    """Return the transport socket of a filter chain."""
    context = any_of(
        f"{_TLS}.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {**_VERSIONS, "cipher_suites": _CIPHERS},
            **_certificates([{"prefix": described.identities}]),
            "alpn_protocols": list(described.application_protocols),
        },
        require_client_certificate=True,
    )
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def client_sockets(described: ClientTls) -> Message:
    """Return the fields of a cluster that choose how its endpoints are spoken to."""
    socket = _client_socket(described)
    if not described.if_taken:
        return {"transport_socket": socket}
    return {
        "transport_socket_matches": [
            {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": socket},
            {"name": "tlsMode-disabled", "match": {}, "transport_socket": _RAW},
        ]
    }


def _client_socket(described: ClientTls) -> Message:
    context = any_of(
        f"{_TLS}.UpstreamTlsContext",
        common_tls_context={
            "tls_params": _VERSIONS,
            **_certificates([{"exact": identity} for identity in described.identities]),
            "alpn_protocols": list(described.application_protocols),
        },
        sni=described.server_name,
    )
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _certificates(names: list[Message]) -> Message:
    """Return where one's own certificate comes from, and what the other's has to be like."""
    return {
        "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE, "sds_config": ADS}],
        "combined_validation_context": {
            "default_validation_context": {"match_subject_alt_names": names} if names else {},
            "validation_context_sds_secret_config": {"name": AUTHORITY, "sds_config": ADS},
        },
    }
