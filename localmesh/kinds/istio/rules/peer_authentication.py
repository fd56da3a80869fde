"""What istiod's webhook says of a PeerAuthentication, in its words. What is wrong with ports, its CRD says before.

Source: ValidatePeerAuthentication in pkg/config/validation/validation.go of Istio 1.31.
"""

from localmesh.core.objects import Key
from localmesh.kinds.istio.rules.workload_selector import selector_problems, selector_warnings
from localmesh.kinds.istio.types.peer_authentication import PeerAuthentication
from localmesh.kinds.review import Review


def review_peer_authentication(_key: Key, spec: PeerAuthentication) -> Review:
    """Judge a PeerAuthentication."""
    if spec.selector is None:
        return Review()
    labels = spec.selector.match_labels
    return Review(tuple(selector_problems(labels)), tuple(selector_warnings(labels)))
