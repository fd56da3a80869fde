"""What istiod's webhook says of annotations, in its words.

Source: validateMetadata, checkDryRunAnnotation in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Object, annotations_of
from localmesh.kinds.resources import AUTHORIZATION_POLICIES, Resource
from localmesh.kinds.review import Problem

DRY_RUN = "istio.io/dry-run"
"""Whether a policy's verdicts are only counted."""

_INTERNAL = "internal.istio.io/"
"""How the annotations begin by which istiod tells itself what it has made of other kinds."""

_FORBIDDEN = {
    f"{_INTERNAL}webhook-always-reject": "rejecting",
    f"{_INTERNAL}parent-namespace": "this may not be set by users",
    f"{_INTERNAL}parents": "this may not be set by users",
}
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


def is_dry_run(value: str) -> bool:
    """Read the annotation's value, "" for one that is not there."""
    return value in _TRUE


def annotation_problems(resource: Resource, obj: Object) -> Iterator[Problem]:
    """Yield what is wrong with an object's annotations."""
    yield from _dry_run_problems(resource, obj)
    for name in sorted(annotations_of(obj)):
        if name.startswith(_INTERNAL):
            fallback = "istiod's own, for what it makes of other kinds, is not supported by the local mesh"
            why = f"annotation found, {_FORBIDDEN[name]}" if name in _FORBIDDEN else fallback
            yield Problem(f"metadata.annotations[{name}]", why)


def _dry_run_problems(resource: Resource, obj: Object) -> Iterator[Problem]:
    value = annotations_of(obj).get(DRY_RUN)
    if value is None:
        return
    path, action = f"metadata.annotations[{DRY_RUN}]", (obj.get("spec") or {}).get("action", "ALLOW")
    if resource != AUTHORIZATION_POLICIES:
        yield Problem(path, f"unsupported annotation {DRY_RUN}, please remove the annotation")
    elif action not in ("ALLOW", "DENY"):
        yield Problem(
            path, f"the annotation {DRY_RUN} currently only supports action ALLOW/DENY, found action {action}"
        )
    elif value not in _TRUE + _FALSE:
        yield Problem(path, f"invalid value ({value}): write true or false")
