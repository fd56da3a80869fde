"""envoy.config.route.v3.RouteAction.HashPolicy."""

from localmesh.envoy.emit.messages import Message, duration, given
from localmesh.proxy.hash_policies import HashCookie, HashHeader, HashPolicy, HashQueryParameter, HashSourceIp


def hash_policy(described: HashPolicy) -> Message:
    """Return a HashPolicy."""
    match described:
        case HashHeader():
            return {"header": {"header_name": described.name}}
        case HashCookie():
            return {"cookie": _cookie(described)}
        case HashQueryParameter():
            return {"query_parameter": {"name": described.name}}
        case HashSourceIp():
            return {"connection_properties": given(source_ip=described.used or None)}


def _cookie(described: HashCookie) -> Message:
    attributes = [given(name=name, value=value or None) for name, value in described.attributes]
    return given(
        name=described.name,
        ttl=None if described.ttl is None else duration(described.ttl),
        path=described.path or None,
        attributes=attributes or None,
    )
