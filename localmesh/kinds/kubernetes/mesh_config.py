"""What of Istio's mesh configuration the local mesh takes: the ConfigMap `istio` in the root namespace.

A cluster's istiod reads it and changes what every proxy does. Here it is read once, when it is applied, to say by name
what would be otherwise in a cluster.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.embedded_yaml import settings_in
from localmesh.kinds.review import Problem, Review, not_honoured

MESH_CONFIG = Key("istio-system", "istio")
_FIELD = "data[mesh]"

AS_HERE: Mapping[str, Any] = {
    "accessLogFile": "/dev/stdout",
    "enableAutoMtls": True,
    "outboundTrafficPolicy": {"mode": "ALLOW_ANY"},
    "proxyHttpPort": 15002,
    "rootNamespace": "istio-system",
    "trustDomain": "cluster.local",
}
"""Settings with the one value that says what the local mesh does in any case."""

WITHOUT_TRAFFIC = frozenset(
    ("accessLogEncoding", "configSources", "defaultConfig", "defaultProviders", "dnsRefreshRate",
     "enablePrometheusMerge",
     "enableTracing", "extensionProviders", "ingressClass", "ingressControllerMode", "ingressSelector",
     "ingressService", "verifyCertificateAtClient")
)  # fmt: skip
"""Settings that change where Istio's parts find each other, or what they tell, but not what becomes of a request."""


def review_mesh_config(obj: Object) -> Review:
    """Judge a ConfigMap: nothing is said of any but the one."""
    text = (obj.get("data") or {}).get("mesh")
    if key_of(obj) != MESH_CONFIG or text is None:
        return Review()
    try:
        settings = settings_in(text)
    except ValueError as error:
        return Review((Problem(_FIELD, f"not YAML: {error}"),))
    if not isinstance(settings, dict):
        return Review((Problem(_FIELD, "must be an object: Istio's MeshConfig"),))
    remarks = list(_remarks(settings))
    return Review(
        tuple(remark for remark in remarks if isinstance(remark, Problem)),
        tuple(remark for remark in remarks if isinstance(remark, str)),
    )


def _remarks(settings: Mapping[str, Any]) -> Iterator[Problem | str]:
    for name, value in settings.items():
        field = f"{_FIELD}.{name}"
        if name in WITHOUT_TRAFFIC:
            yield not_honoured(field, "it changes nothing")
        elif name not in AS_HERE:
            yield Problem(field, "this mesh configuration is not supported by the local mesh: leave it out")
        elif value != AS_HERE[name]:
            # Aliases can make what is no scalar longer than memory, and endless.
            said = json.dumps(value) if isinstance(value, (str, int, float)) else "this"
            here = json.dumps(AS_HERE[name])
            yield Problem(field, f"{said} is not supported by the local mesh; supported here: {here}")
