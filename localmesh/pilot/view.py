"""Who looks at the mesh: what a proxy is told depends on whose it is."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct

from localmesh.core.objects import Object, key_of, labels_of
from localmesh.proxy.proxies import NodeType


class View(Struct, frozen=True):
    """The mesh as some clients see it; proxies with the same view share what is computed for it."""

    type: NodeType
    namespace: str
    labels: frozenset[tuple[str, str]] = frozenset()
    """Those labels of the clients that some object asks for."""

    @classmethod
    def of(cls, pod: Object, type_: NodeType, label_keys: AbstractSet[str]) -> "View":
        """Return a pod's view; of its labels those that make a difference."""
        labels = frozenset((name, value) for name, value in labels_of(pod).items() if name in label_keys)
        return cls(type_, key_of(pod).namespace, labels)

    def has(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the clients have all of these labels."""
        return labels.items() <= self.labels
