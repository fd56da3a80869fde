"""What kubectl sends as protobuf and nothing else: the bodies of `create ns|cm|sa|deployment|service` and `auth`.

Only inwards, and only the fields that those commands fill; answers are always JSON. Field numbers are those of
Kubernetes' `generated.proto` files.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from localmesh.core.objects import Object

MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_CONTINUES, _SEVEN_BITS, _LOW_BITS = 0x80, 7, 0x7F
_LONGEST_BITS = 70
"""Ten bytes of seven bits, of which a number uses 64."""


class ProtobufError(ValueError):
    """A body that cannot be read."""


class Field(Struct, frozen=True):
    """A field of a message: its JSON name and what its bytes are."""

    name: str
    type: "str | Message" = "string"
    """A message, or string, bytes, int, bool, int-or-string."""

    repeated: bool = False
    mapping: bool = False
    """Whether it is a map from strings, sent as repeated entries {1: key, 2: value}."""

    pointer: bool = False
    """Whether zero was meant: Go writes the zero value of all other fields, too."""


class Message(Struct, frozen=True):
    """Fields by number."""

    fields: Mapping[int, Field] = field(default_factory=dict)


_META = Message(
    {
        1: Field("name"),
        2: Field("generateName"),
        3: Field("namespace"),
        11: Field("labels", mapping=True),
        12: Field("annotations", mapping=True),
    }
)
_METADATA = Field("metadata", _META)
_SERVICE_PORT = Message(
    {
        1: Field("name"),
        2: Field("protocol"),
        3: Field("port", "int"),
        4: Field("targetPort", "int-or-string"),
        5: Field("nodePort", "int"),
    }
)
_SERVICE_SPEC = Message(
    {
        1: Field("ports", _SERVICE_PORT, repeated=True),
        2: Field("selector", mapping=True),
        3: Field("clusterIP"),
        4: Field("type"),
        10: Field("externalName"),
    }
)
_CONTAINER_PORT = Message(
    {1: Field("name"), 2: Field("hostPort", "int"), 3: Field("containerPort", "int"), 4: Field("protocol")}
)
_CONTAINER = Message(
    {
        1: Field("name"),
        2: Field("image"),
        3: Field("command", repeated=True),
        4: Field("args", repeated=True),
        6: Field("ports", _CONTAINER_PORT, repeated=True),
    }
)
_TEMPLATE = Message({1: _METADATA, 2: Field("spec", Message({2: Field("containers", _CONTAINER, repeated=True)}))})
_DEPLOYMENT_SPEC = Message(
    {
        1: Field("replicas", "int", pointer=True),
        2: Field("selector", Message({1: Field("matchLabels", mapping=True)})),
        3: Field("template", _TEMPLATE),
    }
)
_ACCESS = Message(
    {
        1: Field(
            "resourceAttributes",
            Message(
                {
                    1: Field("namespace"),
                    2: Field("verb"),
                    3: Field("group"),
                    4: Field("version"),
                    5: Field("resource"),
                    6: Field("subresource"),
                    7: Field("name"),
                }
            ),
        ),
        2: Field("nonResourceAttributes", Message({1: Field("path"), 2: Field("verb")})),
    }
)
_KINDS: Mapping[tuple[str, str], Message] = {
    ("v1", "Namespace"): Message({1: _METADATA}),
    ("v1", "ServiceAccount"): Message({1: _METADATA}),
    ("v1", "ConfigMap"): Message(
        {
            1: _METADATA,
            2: Field("data", mapping=True),
            3: Field("binaryData", "bytes", mapping=True),
            4: Field("immutable", "bool", pointer=True),
        }
    ),
    ("v1", "Service"): Message({1: _METADATA, 2: Field("spec", _SERVICE_SPEC)}),
    ("apps/v1", "Deployment"): Message({1: _METADATA, 2: Field("spec", _DEPLOYMENT_SPEC)}),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): Message({2: Field("spec", _ACCESS)}),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): Message(
        {2: Field("spec", Message({1: Field("namespace")}))}
    ),
    ("authentication.k8s.io/v1", "SelfSubjectReview"): Message({}),
}
_ENVELOPE = Message({1: Field("type", Message({1: Field("apiVersion"), 2: Field("kind")})), 2: Field("raw", "bytes")})


def decode(body: bytes) -> Object:
    """Return the object in a body. Raises ProtobufError for a kind that is only read as JSON, or broken bytes."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not begin as Kubernetes' protobuf does")
    envelope = _message(body[len(MAGIC) :], _ENVELOPE)
    type_ = envelope.get("type", {})
    message = _KINDS.get((type_.get("apiVersion", ""), type_.get("kind", "")))
    if message is None:
        raise ProtobufError(
            f"{type_.get('kind', 'this kind')} is not read as protobuf: write it as YAML and use kubectl apply -f"
        )
    return {**type_, **_message(base64.b64decode(envelope.get("raw", "")), message)}


def _message(data: bytes, message: Message) -> dict[str, Any]:
    content_by_name: dict[str, Any] = {}
    for number, value in _wire(data):
        known = message.fields.get(number)
        if known is None:
            continue
        if known.mapping and isinstance(value, bytes):
            entry = _message(value, Message({1: Field("key"), 2: Field("value", known.type)}))
            content_by_name.setdefault(known.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif known.repeated:
            content_by_name.setdefault(known.name, []).append(_value(value, known))
        elif (content := _value(value, known)) or known.pointer:
            content_by_name[known.name] = content
    return content_by_name


def _value(value: int | bytes, known: Field) -> Any:
    if isinstance(value, int) is not (known.type in ("int", "bool")):
        raise ProtobufError(f"the field {known.name} has another type on the wire than Kubernetes gives it")
    if isinstance(value, int):
        return bool(value) if known.type == "bool" else value
    if isinstance(known.type, Message):
        return _message(value, known.type)
    if known.type == "bytes":
        return base64.b64encode(value).decode()
    return _int_or_string(value) if known.type == "int-or-string" else value.decode()


def _int_or_string(data: bytes) -> int | str | None:
    parts = _message(data, Message({1: Field("type", "int"), 2: Field("int", "int"), 3: Field("string")}))
    return parts.get("string") if parts.get("type") else parts.get("int")


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field: an int or bytes. Raises ProtobufError."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, type_ = tag >> 3, tag & 7
        if type_ == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if type_ == _BYTES:
            length, position = _varint(data, position)
        elif type_ in (_FIXED32, _FIXED64):
            length = 4 if type_ == _FIXED32 else 8
        else:
            raise ProtobufError(f"wire type {type_} is not used by Kubernetes")
        if position + length > len(data):
            raise ProtobufError("the body ends in the middle of a field")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < _LONGEST_BITS:
        byte = data[position]
        value |= (byte & _LOW_BITS) << shift
        position, shift = position + 1, shift + _SEVEN_BITS
        if not byte & _CONTINUES:
            return value, position
    raise ProtobufError("a number has no end within 64 bits, or none at all")
