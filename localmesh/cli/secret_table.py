"""`proxy-config secret`: istioctl's table of an Envoy's certificates (writer/envoy/configdump, 1.31)."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

HEADER = ("RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def rows(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each certificate of each secret."""
    return [HEADER, *(line for entry in entries for line in _lines(entry))]


def _lines(entry: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    secret = entry["secret"]
    chain = secret.get("tls_certificate", {}).get("certificate_chain")
    for certificate in _certificates(chain or secret["validation_context"]["trusted_ca"]):
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        yield (
            secret["name"],
            "Cert Chain" if chain else "CA",
            "ACTIVE",
            str(begins <= datetime.now(UTC) <= ends).lower(),
            f"{certificate.serial_number:x}",
            ends.strftime(_TIME),
            begins.strftime(_TIME),
        )


def _certificates(source: Mapping[str, str]) -> Sequence[Any]:
    from cryptography import x509  # noqa: PLC0415 -- a tenth of a second that no other command needs

    pem = b64decode(source["inline_bytes"]) if "inline_bytes" in source else source.get("inline_string", "").encode()
    return x509.load_pem_x509_certificates(pem)
