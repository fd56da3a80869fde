"""Which AuthorizationPolicies are about a workload.

Source: ListAuthorizationPolicies in pilot/pkg/model/authorization.go of Istio 1.31.
"""

from collections.abc import Sequence

from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.istio import AuthorizationPolicy
from localmesh.pilot.destination_rules import ROOT_NAMESPACE
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.snapshot import Config


def authorization_policies_of(pod: Object, context: PushContext) -> Sequence[Config[AuthorizationPolicy]]:
    """Return those of the root namespace, which are about the whole mesh, and those of the pod's own."""
    namespaces = (ROOT_NAMESPACE, key_of(pod).namespace)
    policies = context.snapshot.configs(AuthorizationPolicy)
    return [policy for policy in policies if policy.namespace in namespaces and _is_about(policy, pod)]


def _is_about(policy: Config[AuthorizationPolicy], pod: Object) -> bool:
    selector = policy.spec.selector
    return selector is None or selects(selector.match_labels, labels_of(pod))
