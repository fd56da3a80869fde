"""What `kubectl auth` asks: may I, what may I, and who am I. Whoever has the kubeconfig may do all that is served."""

from typing import Any

from localmesh.apiserver.absent import ABSENT_BY_PLURAL
from localmesh.apiserver.errors import no_such_resource
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


def review(group: str, plural: str, document: Object) -> Object:
    """Return a review with its answer in `status`. Raises ApiError for one that is not known."""
    kind = REVIEWS.get((group, plural))
    if kind is None:
        raise no_such_resource()
    asked = document.get("spec") or {}
    status = {
        "SelfSubjectAccessReview": _access(asked),
        "SelfSubjectRulesReview": _RULES,
        "SelfSubjectReview": {"userInfo": {"username": USER, "groups": ["system:masters"]}},
    }[kind]
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": asked, "status": status}


def _access(asked: Object) -> Object:
    attributes: dict[str, Any] = asked.get("resourceAttributes") or {}
    place = attributes.get("group", ""), attributes.get("resource", "")
    if attributes.get("verb") in READS or place[1] == "*" or not attributes:
        return {"allowed": True}
    if place in ABSENT_BY_PLURAL:
        return {"allowed": False, "reason": "not supported by the local mesh"}
    # Of a resource that nobody serves a cluster's administrator is told yes, with kubectl's own warning.
    return {"allowed": True, "reason": "" if place in BY_PLURAL else "no such resource is served"}
