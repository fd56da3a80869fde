"""Documents by chance, most of them broken in one or two places."""

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from tests.differential.security import (
    authorization_policy,
    identity_policy,
    peer_authentication,
    request_authentication,
)
from tests.differential.worlds import destination_rule, gateway, virtual_service

ODD = (
    None, "", " ", "*", "*.*", "a.*", "-x", "x_y", "UPPER.case", "a..b", "10.0.0.1", "fd00::5", "mesh", "a/b", "./x",
    "x/y/z", 0, -1, 1, 80, 65535, 65536, 2**31, 2**63, 0.5, 1e3, True, False, "true", "80", "1s", "0s", "-1s", "1",
    "1d", "1.5h", "1us", "100000h", "2562047h", "(", "[a-", "a{1001}", "(?=x)", "^$", ".*", [], {}, [""], [None], [{}],
    {"value": 100}, {"exact": "x"}, {"exact": ""}, {"prefix": ""}, {"regex": "*"}, {"regex": ""},
    {"regex": r"\C"}, {"regex": "(?P<é>a)"}, {"regex": r"\pL{50}"},
    {"exact": "x", "prefix": "y"}, {"number": 80}, {"name": "x"}, 99, 100, 200, 299, 300, 304, 399, 599, 600, 101,
    "503", "5xx,", "5xx, 503", "get", "GET", "HTTP", "http", "HTTPS", "TCP", "FROM_REQUEST_PORT", "OK", "%", "%REQ(a)%",
)  # fmt: skip
"""Values that are odd in one place or another."""

STRAYS = (
    "hots",
    "match",
    "tls",
    "tcp",
    "exportTo",
    "trafficPolicy",
    "delegate",
    "corsPolicy",
    "fault",
    "weight",
    "uri",
)

MAKERS = (
    virtual_service,
    virtual_service,
    virtual_service,
    gateway,
    destination_rule,
    destination_rule,
    authorization_policy,
    identity_policy,
    peer_authentication,
    request_authentication,
)

Place = tuple[Any, Any]


def document(random: Random) -> dict[str, Any]:
    """Return one document of a kind of Istio's."""
    made = random.choice(MAKERS)(random)
    spoilt = deepcopy(made)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        _spoil(random, spoilt)
    return spoilt


def _spoil(random: Random, made: dict[str, Any]) -> None:
    """Change one thing: at any depth a value, a field that is gone, doubled or foreign."""
    places = list(_places(made["spec"])) if isinstance(made.get("spec"), dict) else []
    if not places:
        return
    parent, key = random.choice(places)
    way = random.random()
    if way < 0.5:
        parent[key] = deepcopy(random.choice(ODD))
    elif way < 0.7:
        del parent[key]
    elif way < 0.8 and isinstance(parent, list):
        parent.append(deepcopy(parent[key]))
    elif way < 0.9 and isinstance(parent, dict):
        parent[random.choice(STRAYS)] = deepcopy(random.choice(ODD))
    else:
        other, name = random.choice(places)
        parent[key] = deepcopy(other[name])


def _places(node: Any) -> Iterator[Place]:
    """Yield each key of each mapping and each index of each list."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    for key in keys:
        yield node, key
        yield from _places(node[key])
