"""Decoding what kubectl sends; the real thing is in the door's tests, here are the corners."""

import random

import pytest

from localmesh.apiserver.wire.protobuf import MAGIC, ProtobufError, decode


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    type_ = message((1, api_version.encode()), (2, kind.encode()))
    return MAGIC + message((1, type_), (2, raw), (3, b""), (4, b""))


def test_a_config_map_keeps_texts_and_bytes() -> None:
    meta = message((1, b"c"), (3, b"ns"), (11, message((1, b"k"), (2, b"v"))))
    data = message((1, b"a"), (2, "ü".encode()))
    binary = message((1, b"b"), (2, b"\xff"))
    raw = message((1, meta), (2, data), (2, message((1, b"empty"), (2, b""))), (3, binary), (4, 0))
    assert decode(body("v1", "ConfigMap", raw)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "ns", "labels": {"k": "v"}},
        "data": {"a": "ü", "empty": ""},
        "binaryData": {"b": "/w=="},
        "immutable": False,
    }


def test_zeros_are_dropped_except_where_they_were_meant() -> None:
    deployment = message((2, message((1, 0), (2, message()))))
    assert decode(body("apps/v1", "Deployment", deployment))["spec"] == {"replicas": 0}
    port = message((1, b""), (3, 80), (4, message((1, 0), (2, 0), (3, b""))), (5, 0))
    assert decode(body("v1", "Service", message((2, message((1, port))))))["spec"] == {"ports": [{"port": 80}]}


def test_target_ports_are_numbers_or_names() -> None:
    def target(*fields: tuple[int, int | bytes]) -> object:
        port = message((3, 80), (4, message(*fields)))
        return decode(body("v1", "Service", message((2, message((1, port))))))["spec"]["ports"][0]["targetPort"]

    assert target((1, 0), (2, 8080), (3, b"")) == 8080
    assert target((1, 1), (2, 0), (3, b"web")) == "web"


def test_a_kind_that_is_not_read_names_the_way_out() -> None:
    with pytest.raises(ProtobufError, match="Secret is not read as protobuf: write it as YAML and use kubectl apply"):
        decode(body("v1", "Secret", b""))


def test_a_number_without_an_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ProtobufError, match="no end within 64 bits"):
        decode(MAGIC + b"\x08" + b"\xff" * 11 + b"\x01")


def test_broken_bytes_are_an_error_and_nothing_else() -> None:
    whole = body("v1", "ConfigMap", message((1, message((1, b"c"))), (2, message((1, b"a"), (2, b"b")))))
    dice = random.Random(7)
    for _ in range(500):
        damaged = bytearray(whole[: dice.randrange(len(whole))])
        for _ in range(dice.randint(0, 2)):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            assert isinstance(decode(bytes(damaged)), dict)
        except ValueError:
            continue
