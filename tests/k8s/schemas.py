"""What Kubernetes' and Istio's schemas say of a manifest, for many versions of both."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

from tests.k8s.manifests import Manifest

CRDS = Path(__file__).with_name("istio-crds")
OF_ISTIO = ("networking.istio.io/", "security.istio.io/", "telemetry.istio.io/")
# Kinds that no Kubernetes' schemas know.
EXTENSIONS = (*OF_ISTIO, "gateway.networking.k8s.io/", "apiregistration.k8s.io/")
KUBERNETES = range(25, 38)
ISTIO = ("1.17", "1.21", "1.22", "1.25", "1.31")

# For each manifest it would read all definitions of that Kubernetes anew.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


def kubernetes_refuses(minor: int, manifest: Manifest) -> str:
    """Return why Kubernetes 1.MINOR refuses a manifest of a built-in kind, or nothing."""
    if manifest["apiVersion"].startswith(EXTENSIONS):
        return ""
    try:
        kubernetes_validate.validate(manifest, f"1.{minor}", strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


def istio_refuses(release: str, manifest: Manifest) -> str:
    """Return why a release of Istio refuses a manifest of its own kinds, or nothing."""
    schemas = _schemas(release)
    schema = schemas.get(f"{manifest['apiVersion']} {manifest['kind']}")
    if schema is None:
        return f"no matches for kind {manifest['kind']} in version {manifest['apiVersion']}"
    schema = schemas[schema] if isinstance(schema, str) else schema
    return "; ".join(error.message for error in jsonschema.Draft7Validator(schema).iter_errors(manifest))


def of_istio(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Pick out the manifests whose kinds are Istio's."""
    return [manifest for manifest in manifests if manifest["apiVersion"].startswith(OF_ISTIO)]


@functools.cache
def _schemas(release: str) -> dict[str, Any]:
    read = json.loads((CRDS / f"{release}.json").read_text(encoding="utf-8"))
    return {name: schema if isinstance(schema, str) else _closed(schema) for name, schema in read.items()}


def _closed(schema: Any) -> Any:
    """Return a schema that takes no field it does not name, as the API server's strict decoding does."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _closed(value) for key, value in schema.items()}
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") != "object" or "properties" not in schema or open_ended:
        return inner
    # A CRD need not name what every object has.
    whole = {"apiVersion": {}, "kind": {}, "metadata": {}} if "spec" in inner["properties"] else {}
    return {**inner, "properties": {**whole, **inner["properties"]}, "additionalProperties": False}
