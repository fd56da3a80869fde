"""Odd objects by chance that admission takes: Kubernetes' own kinds, and Istio's with each field that is honoured.

They live in a namespace of their own, and name no host of anybody else's: what they say of others' traffic is nothing.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from localmesh.kinds.admission import AdmissionError, admit
from localmesh.kinds.istio.honoured import HONOURED
from localmesh.kinds.resources import (
    CONFIG_MAPS,
    EVENTS,
    GATEWAYS,
    PODS,
    SERVICES,
    Resource,
)
from localmesh.kinds.schema.definitions import Schema

NAMESPACE = "odd"
Object = dict[str, Any]

REPAIRS = 60
"""How often what admission complains of is left out, before an object is thrown anew."""

_NATIVE = json.dumps({"initContainers": ["istio-init"], "containers": None, "volumes": None})
_ANNOTATIONS = (
    {"sidecar.istio.io/status": _NATIVE},
    {"sidecar.istio.io/status": "no json"},
    {"localmesh/addresses": "x"},
    {"sidecar.istio.io/inject": "maybe", "inject.istio.io/templates": "none"},
    {"networking.istio.io/exportTo": "~"},
)
STATUSES: tuple[Any, ...] = (
    {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    {"containerStatuses": []},
    {"podIP": "::1"},
    {"conditions": [{"type": "NotTranslated"}]},
    {"loadBalancer": {"ingress": [{}]}},
    "broken",
    None,
)
_HOSTS = (
    "none",
    "odd-1",
    "catalog.odd",
    "*.odd.example",
    "odd.example",
    "ODD.example",
    "fd00::5",
    "10.0.0.1",
    "a-.odd",
)
_PATHS = ("/", "", "/a b", "/%2f", "//", "*", "/*", "/a*", "/é", "/a?b=c#d", "{*}", "/{**}/x", "/a/{*}/b")
_REGEXES = ("a.*", "", "(", "[a-z]+", "(?i)x", "\\", "a{1000}", ".*.*.*", "^$", "\\d{2}")
_WORDS = (
    "",
    "x",
    "*",
    "x*",
    "*x",
    "é",
    "a,b",
    'q"uote',
    "%REQ(x)%",
    "%",
    "50%",
    "\\",
    " ",
    "X-Odd",
    ":path",
    "a" * 300,
)
_MAP_KEYS = ("x", "X-Odd", ":path", "a b", "version", "é", "host", "cookie", "x-")
_NAMES = ("v9", "v1", "x", "a-b")
_DURATIONS = ("1s", "1ms", "0.001s", "1h", "0s", "-1s", "1h30m", "999999h", "1.5s", "")
_NUMBERS = (0, 1, 2, 80, 99, 100, 101, 200, 503, 599, 8080, 65535, 2**31 - 1, 2**32 - 1, -1)
_SCALARS: Mapping[Any, Sequence[Any]] = {
    "boolean": (False, True),
    "integer": _NUMBERS,
    "number": (0, 0.0001, 33.3, 100, 100.1, -1),
}
_KEYS = {"keys": [{"kty": "oct", "kid": "odd", "k": "b2Rk", "alg": "HS256"}]}

# What a text has to be to have a chance, by the end of its path; everything else is one of _WORDS.
_TEXTS: dict[str, Sequence[str]] = {
    "host": _HOSTS,
    "hosts[]": _HOSTS,
    "gateways[]": ("mesh", "odd-gateway", "odd/none", "istioinaction/none"),
    "uri.exact": _PATHS,
    "uri.prefix": _PATHS,
    "paths[]": _PATHS,
    "notPaths[]": _PATHS,
    "regex": _REGEXES,
    "match": _REGEXES,
    "subset": _NAMES,
    "name": _NAMES,
    "methods[]": ("GET", "get", "*", "PO*", "PATCH"),
    "protocol": ("HTTP", "http", "Http"),
    "exportTo[]": (".", "*", "~", "none"),
    "grpcStatus": ("UNAVAILABLE", "14", "nonsense"),
    "retryOn": ("5xx", "503,reset", "x", "connect-failure, 599", ","),
    "issuer": ("odd", "https://odd.example", "é"),
    "jwks": (json.dumps(_KEYS), "{}", '{"keys": []}', "x"),
    "prefix": ("", "Bearer ", "x"),
    "key": ("request.headers[x]", "request.headers[]", "source.ip", "remote.ip", "destination.port",
            "request.auth.principal", "request.auth.claims[a]", "request.auth.claims[a][b]", "request.auth.audiences"),
    "ipBlocks[]": ("10.0.0.1", "10.0.0.0/8", "::/0", "fd00::1", "10.0.0.1/33"),
    "notIpBlocks[]": ("0.0.0.0/0", "::1"),
    "remoteIpBlocks[]": ("127.0.0.0/8", "10.1.2.3/24"),
    "notRemoteIpBlocks[]": ("127.0.0.1",),
    "ports[]": ("80", "0", "65535", "http"),
    "mode": ("DISABLE", "ISTIO_MUTUAL"),
}  # fmt: skip
_SELECTED = {"istio": "ingressgateway"}


def odd(dice: Random, name: str) -> tuple[Resource, Object]:
    """Return an object that admission takes, and what it is."""
    make = dice.choices([each for each, _ in _KINDS], [weight for _, weight in _KINDS])[0]
    while True:
        resource, content = make(dice)
        metadata = {"name": name, "namespace": NAMESPACE, "annotations": dice.choice(_ANNOTATIONS)}
        labels = {"labels": {"app": dice.choice(("catalog", "odd"))}}
        obj = {"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": metadata | labels, **content}
        if _repaired(dice, resource, obj):
            return resource, obj


def _repaired(dice: Random, resource: Resource, obj: Object) -> bool:
    """Leave out of an object what admission complains of; tell whether it takes what is left."""
    for _ in range(REPAIRS):
        try:
            admit(resource, obj)
        except AdmissionError as error:
            if not _without(dice, obj, error.problems[0].field):
                return False
        else:
            return True
    return False


def _without(dice: Random, obj: Object, path: str) -> bool:
    """Take away what lies at a path, or a part of it; tell whether anything did."""
    *above, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
    place: Any = obj
    for step in above:
        if not _has(place, step):
            return False
        place = place[step]
    if not above or not _has(place, last):
        return False
    while place[last] and isinstance(place[last], dict | list) and dice.random() < 0.7:
        place = place[last]
        last = dice.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
    del place[last]
    return True


def _has(place: Any, step: str | int) -> bool:
    return step in place if isinstance(place, dict) else isinstance(step, int) and step < len(place)


def _pod(dice: Random) -> tuple[Resource, Object]:
    image = dice.choice(("nicolaka/netshoot", "none/such"))
    return PODS, {"spec": {"containers": [{"name": "c", "image": image, "args": ["true"]}]}}


def _event(dice: Random) -> tuple[Resource, Object]:
    about = dice.choice(({}, {"kind": "Pod", "namespace": NAMESPACE}, {"kind": "Odd", "name": "x"}))
    return EVENTS, {"involvedObject": about}


def _service(dice: Random) -> tuple[Resource, Object]:
    port = {"port": dice.randrange(1, 65536), "name": dice.choice(("http", "tcp-x", "grpc-web", "x", "HTTP"))}
    target = dice.choice(({}, {"targetPort": "named"}, {"targetPort": 3000}))
    selector = dice.choice(({}, {"app": "odd"}, {"app": "catalog"}))
    return SERVICES, {"spec": {"ports": [port | target], "selector": selector}}


def _config_map(dice: Random) -> tuple[Resource, Object]:
    return CONFIG_MAPS, {"data": dice.choice(({}, {"x": ""}, {"..x": "é"}))}


def _configuration(resource: Resource) -> Callable[[Random], tuple[Resource, Object]]:
    """Return who makes an Istio object's `spec` from the kind's schema."""
    schema, honoured = Schema.of(resource).child("spec") or Schema(), HONOURED[resource]

    def make(dice: Random) -> tuple[Resource, Object]:
        spec = dict(_fields(dice, _Place(schema, honoured)))
        if resource is GATEWAYS:
            spec["selector"] = _SELECTED
        return resource, {"spec": spec}

    return make


_KINDS: tuple[tuple[Callable[[Random], tuple[Resource, Object]], int], ...] = (
    (_pod, 1),
    (_event, 4),
    (_service, 5),
    (_config_map, 2),
    *((_configuration(resource), 7) for resource in HONOURED),
)
"""What there is, and how often."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A field, or a part of one, somewhere in a kind."""

    schema: Schema
    honoured: Sequence[str]
    path: str = ""
    depth: int = 0

    def field(self, name: str) -> "_Place | None":
        """Return a field of this one, None for one that is not honoured."""
        schema, path = self.schema.child(name), f"{self.path}.{name}".removeprefix(".")
        if schema is None or not any(_leads(path, each) or _leads(each, path) for each in self.honoured):
            return None
        return _Place(schema, self.honoured, path, self.depth + 1)

    def part(self, schema: Schema, sign: str) -> "_Place":
        """Return what a list or a map consists of."""
        return _Place(schema.resolved(), self.honoured, self.path + sign, self.depth + 1)

    @property
    def chance(self) -> float:
        """How probable each of its fields is: the fewer of them there are and the higher they lie, the more."""
        few = len(self.schema.keywords["properties"]) < 6
        return (0.9, 0.7, 0.6)[min(self.depth, 2)] if few else (0.8, 0.4, 0.25)[min(self.depth, 2)]


def _leads(path: str, other: str) -> bool:
    """Tell whether a path is another one or leads to it."""
    return other == path or other.startswith((f"{path}.", f"{path}[", f"{path}{{"))


def _value(dice: Random, place: _Place) -> Any:
    """Return a value that the schema may take."""
    keywords = place.schema.keywords
    kind = keywords.get("type")
    if "enum" in keywords:
        return dice.choice(keywords["enum"])
    if kind == "object" and "properties" in keywords:
        return dict(_fields(dice, place))
    if kind == "object":
        each = place.part(Schema(keywords.get("additionalProperties", {})), "{}")
        return {dice.choice(_MAP_KEYS): _value(dice, each)}
    if kind == "array":
        each = place.part(place.schema.item(), "[]")
        return [_value(dice, each) for _ in range(dice.choice((0, 1, 1, 1, 2)))]
    return dice.choice(_SCALARS.get(kind, ()) or _texts(place))


def _fields(dice: Random, place: _Place) -> Iterator[tuple[str, Any]]:
    """Yield some of the fields that are honoured, and all of them that have to be there."""
    required = place.schema.keywords.get("required", [])
    for name in place.schema.keywords["properties"]:
        field = place.field(name)
        if field is not None and (name in required or dice.random() < place.chance):
            yield name, _value(dice, field)


def _texts(place: _Place) -> Sequence[str]:
    if any("duration" in rule for rule, _ in place.schema.keywords.get("cel", ())):
        return _DURATIONS
    known = (texts for end, texts in _TEXTS.items() if f".{place.path}".endswith(f".{end}"))
    return next(known, _WORDS)
