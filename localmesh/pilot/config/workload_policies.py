"""Which policies are about a workload.

Source: ListAuthorizationPolicies and getConfigsForWorkload in pilot/pkg/model of Istio 1.31.
"""

from collections.abc import Sequence
from typing import TypeVar

from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.istio import AuthorizationPolicy, RequestAuthentication
from localmesh.pilot.destination_rules import ROOT_NAMESPACE
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.snapshot import Config

PolicyT = TypeVar("PolicyT", AuthorizationPolicy, RequestAuthentication)


def policies_of(pod: Object, type_: type[PolicyT], context: PushContext) -> Sequence[Config[PolicyT]]:
    """Return the root namespace's policies, which are about the whole mesh, then those of the pod's own, each once."""
    namespaces = dict.fromkeys((ROOT_NAMESPACE, key_of(pod).namespace))
    policies = [policy for policy in context.snapshot.configs(type_) if _is_about(policy, pod)]
    return [policy for namespace in namespaces for policy in policies if policy.namespace == namespace]


def _is_about(policy: Config[PolicyT], pod: Object) -> bool:
    selector = policy.spec.selector
    return selector is None or selects(selector.match_labels, labels_of(pod))
