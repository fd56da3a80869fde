"""The one edge at which resources in protobuf's JSON form become protobufs."""

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from google.protobuf import descriptor_pool, duration_pb2, json_format, message_factory

from localmesh.envoy.memo import Memo
from localmesh.envoy.resources import Configuration, Encoded, Resource, Resources, ResourceType, name_of

_PREFIX = "type.googleapis.com/"
_BUDGET_INTERVAL = b"\x1a"
"""Tag of a RetryBudget's `budget_interval`, number 3 and a message: Envoy knows it, xds-protos 1.85 does not yet."""


class UnknownTypeError(ValueError):
    """No protobuf has that name."""


def encode(type_: ResourceType, resource: Resource) -> Encoded:
    """Return a resource as it is sent.

    Raises UnknownTypeError, and google.protobuf.json_format.ParseError with the field's path for one that the type
    does not have or a value that the field cannot hold.
    """
    return _encoded(resource, message(type_, resource))


def _encoded(resource: Resource, encoded: Any) -> Encoded:
    value: bytes = encoded.SerializeToString(deterministic=True)
    return Encoded(name_of(resource), hashlib.sha256(value).hexdigest()[:16], value)


def encode_all(resources: Resources) -> Configuration:
    """Return a whole configuration as it is sent. Raises as `encode` does."""
    return Encoder().encode_all(resources)


class Encoder:
    """Encodes each resource once, as long as the same dict comes again."""

    def __init__(self) -> None:
        functions = {type_: partial(encode, type_) for type_ in ResourceType} | {ResourceType.ROUTE: self._routes}
        self._encoded = {type_: Memo(function) for type_, function in functions.items()}
        self._virtual_hosts: dict[str, bytes] = {}
        self._virtual_hosts_before: dict[str, bytes] = {}

    def encode_all(self, resources: Resources) -> Configuration:
        """Return a whole configuration as it is sent. Raises as `encode` does."""
        return {type_: self._encode_type(type_, resources.of_type(type_)) for type_ in ResourceType}

    def forget(self) -> None:
        """Forget what was not encoded since this was called last."""
        for memo in self._encoded.values():
            memo.forget()
        self._virtual_hosts_before, self._virtual_hosts = self._virtual_hosts, {}

    def _encode_type(self, type_: ResourceType, resources: Iterable[Resource]) -> dict[str, Encoded]:
        return {encoded.name: encoded for encoded in map(self._encoded[type_].get, resources)}

    def _routes(self, resource: Resource) -> Encoded:
        """Encode a route configuration: of its virtual hosts, of which there is one for each Service, few change."""
        routes = message(ResourceType.ROUTE, resource | {"virtual_hosts": []})
        for host in resource.get("virtual_hosts", ()):
            routes.virtual_hosts.add().ParseFromString(self._virtual_host(host))
        return _encoded(resource, routes)

    def _virtual_host(self, host: Mapping[str, Any]) -> bytes:
        text = json.dumps(host)
        encoded = self._virtual_hosts.get(text) or self._virtual_hosts_before.get(text)
        if encoded is None:
            encoded = message("envoy.config.route.v3.VirtualHost", host).SerializeToString(deterministic=True)
        self._virtual_hosts[text] = encoded
        return encoded


def message(type_name: str, fields: Mapping[str, Any]) -> Any:
    """Return the protobuf of that full name with these fields. Raises as `encode` does."""
    for name in _types_within(fields):
        _message_class(name)
    if type_name == ResourceType.CLUSTER:
        return _cluster(fields)
    return json_format.ParseDict(fields, _message_class(type_name)())


def _cluster(fields: Mapping[str, Any]) -> Any:
    """Return a cluster; the intervals of its retry budgets go along as fields that its class has no name for."""
    thresholds = fields.get("circuit_breakers", {}).get("thresholds", [])
    intervals = {
        index: threshold["retry_budget"]["budget_interval"]
        for index, threshold in enumerate(thresholds)
        if "budget_interval" in threshold.get("retry_budget", {})
    }
    if intervals:
        fields = {**fields, "circuit_breakers": {"thresholds": [*map(_without_interval, thresholds)]}}
    cluster = json_format.ParseDict(fields, _message_class(ResourceType.CLUSTER)())
    for index, interval in intervals.items():
        duration = duration_pb2.Duration()
        duration.FromJsonString(interval)
        value = duration.SerializeToString()
        field = _BUDGET_INTERVAL + bytes([len(value)]) + value
        cluster.circuit_breakers.thresholds[index].retry_budget.MergeFromString(field)
    return cluster


def _without_interval(threshold: Mapping[str, Any]) -> Mapping[str, Any]:
    if "retry_budget" not in threshold:
        return threshold
    budget = {name: value for name, value in threshold["retry_budget"].items() if name != "budget_interval"}
    return {**threshold, "retry_budget": budget}


def decode(type_: ResourceType, encoded: Encoded) -> Resource:
    """Return a resource that was encoded here in protobuf's JSON form, with original field names."""
    parsed = _message_class(type_).FromString(encoded.value)
    resource: Resource = json_format.MessageToDict(parsed, preserving_proto_field_name=True)
    return resource


def _types_within(node: Any) -> Iterator[str]:
    """Yield the name of each type that stands inside as a google.protobuf.Any."""
    if isinstance(node, Mapping):
        if "@type" in node:
            yield node["@type"].removeprefix(_PREFIX)
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for item in node:
        yield from _types_within(item)


@cache
def _message_class(type_name: str) -> Any:
    """Return a message's class; its module, which its package names, is imported once it is needed."""
    package = type_name.rpartition(".")[0]
    try:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if module.name.endswith("_pb2"):
                importlib.import_module(f"{package}.{module.name}")
        return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(type_name))
    except (ImportError, KeyError, ValueError) as error:
        raise UnknownTypeError(f"no protobuf is called {type_name}") from error
