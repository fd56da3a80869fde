"""The one edge at which resources in protobuf's JSON form become protobufs."""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory

from localmesh.envoy.resources import Configuration, Encoded, Resource, Resources, ResourceType, name_of

_PREFIX = "type.googleapis.com/"


class UnknownTypeError(ValueError):
    """No protobuf has that name."""


def encode(type_: ResourceType, resource: Resource) -> Encoded:
    """Return a resource as it is sent.

    Raises UnknownTypeError, and google.protobuf.json_format.ParseError with the field's path for one that the type
    does not have or a value that the field cannot hold.
    """
    value = message(type_, resource).SerializeToString(deterministic=True)
    return Encoded(name_of(resource), hashlib.sha256(value).hexdigest()[:16], value)


def encode_all(resources: Resources) -> Configuration:
    """Return a whole configuration as it is sent. Raises as `encode` does."""
    encoded = {type_: [encode(type_, each) for each in resources.of_type(type_)] for type_ in ResourceType}
    return {type_: {each.name: each for each in listed} for type_, listed in encoded.items()}


def message(type_name: str, fields: Mapping[str, Any]) -> Any:
    """Return the protobuf of that full name with these fields. Raises as `encode` does."""
    for name in _types_within(fields):
        _message_class(name)
    return json_format.ParseDict(fields, _message_class(type_name)())


def _types_within(node: Any) -> Iterator[str]:
    """Yield the name of each type that stands inside as a google.protobuf.Any."""
    if isinstance(node, Mapping):
        if "@type" in node:
            yield node["@type"].removeprefix(_PREFIX)
        node = node.values()
    elif not isinstance(node, list | tuple):
        return
    for each in node:
        yield from _types_within(each)


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
