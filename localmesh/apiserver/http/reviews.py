"""What `kubectl auth` asks: may I, what may I, and who am I. Whoever has the kubeconfig may do all that is served."""

from typing import Any

from msgspec import Struct, ValidationError, convert

from localmesh.apiserver.absent import ABSENT_BY_PLURAL
from localmesh.apiserver.errors import bad_request, no_such_resource
from localmesh.core.objects import Object
from localmesh.kinds.resources import BY_PLURAL

USER = "localmesh"
READS = ("get", "list", "watch")
REVIEWS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    ("authentication.k8s.io", "selfsubjectreviews"): "SelfSubjectReview",
}
_RULES: Object = {
    "resourceRules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    "nonResourceRules": [],
    "incomplete": False,
}


class _Attributes(Struct):
    """What somebody would like to do."""

    verb: str = ""
    group: str = ""
    resource: str = ""


class _Spec(Struct, rename="camel"):
    """The question; those about other things than resources are all answered with yes."""

    resource_attributes: _Attributes | None = None


class _Review(Struct):
    """What is read of a review."""

    spec: _Spec | None = None


def review(group: str, plural: str, document: Any) -> Object:
    """Return a review with its answer in `status`. Raises ApiError for one that is not known, or cannot be read."""
    kind = REVIEWS.get((group, plural))
    if kind is None:
        raise no_such_resource()
    try:
        asked = convert(document, _Review).spec or _Spec()
    except ValidationError as error:
        raise bad_request(f"the body of the request is no {kind}: {error}") from error
    status = {
        "SelfSubjectAccessReview": _access(asked.resource_attributes),
        "SelfSubjectRulesReview": _RULES,
        "SelfSubjectReview": {"userInfo": {"username": USER, "groups": ["system:masters"]}},
    }[kind]
    spec = document.get("spec") or {}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": spec, "status": status}


def _access(asked: _Attributes | None) -> Object:
    if asked is None or asked.verb in READS or asked.resource == "*":
        return {"allowed": True}
    place = asked.group, asked.resource
    if place in ABSENT_BY_PLURAL:
        return {"allowed": False, "reason": "not supported by the local mesh"}
    # Of a resource that nobody serves a cluster's administrator is told yes, with kubectl's own warning.
    return {"allowed": True, "reason": "" if place in BY_PLURAL else "no such resource is served"}
