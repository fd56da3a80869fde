"""How protobuf messages look in JSON."""

from datetime import timedelta
from typing import Any

from localmesh.proxy.addresses import Address

Message = dict[str, Any]


def any_of(type_name: str, **fields: Any) -> Message:
    """Return a message as google.protobuf.Any: the type first, then its fields."""
    return {"@type": f"type.googleapis.com/{type_name}", **fields}


def duration(length: timedelta) -> str:
    """Return a google.protobuf.Duration: seconds, with as many decimals as are needed."""
    return f"{length / timedelta(seconds=1):.6f}".rstrip("0").rstrip(".") + "s"


def given(**fields: Any) -> Message:
    """Return the fields that have a value: an absent one is protobuf's None."""
    return {name: value for name, value in fields.items() if value is not None}


def istio_metadata(**fields: Any) -> Message | None:
    """Return what istioctl reads of a resource, None if there is nothing to say."""
    present = {name: value for name, value in fields.items() if value}
    return {"filter_metadata": {"istio": present}} if present else None


def address(described: Address) -> Message:
    """Return an envoy.config.core.v3.Address."""
    return {"socket_address": {"address": described.host, "port_value": described.port}}
