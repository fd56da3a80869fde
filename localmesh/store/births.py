"""How a pod begins, whoever makes it: the door for a user, or a ReplicaSet from its template."""

from localmesh.core.objects import Key, Object
from localmesh.kinds.injection import inject
from localmesh.kinds.kubernetes.defaults import complete
from localmesh.kinds.kubernetes.pods import is_terminating
from localmesh.kinds.resources import NAMESPACES, PODS, SERVICE_ACCOUNTS
from localmesh.store.objects import Store

DEFAULT_ACCOUNT = "default"
"""Of each namespace; it is made a moment after the namespace."""


def born(store: Store, pod: Object) -> Object:
    """Return a new pod as it is to be stored: with defaults, and with a sidecar where its namespace asks for one."""
    return inject(complete(PODS, pod), store.find(NAMESPACES, Key("", pod["metadata"]["namespace"])))


def closed(store: Store, namespace: str) -> str:
    """Return why nothing more may begin in a namespace, in the API server's words; "" when something may."""
    obj = store.find(NAMESPACES, Key("", namespace))
    if obj is None or not is_terminating(obj):
        return ""
    return f"unable to create new content in namespace {namespace} because it is being terminated"


def without_account(store: Store, namespace: str, account: str) -> str:
    """Return why a pod may not begin under a ServiceAccount, in the API server's words; "" when it may."""
    key = Key(namespace, account)
    if account == DEFAULT_ACCOUNT or store.find(SERVICE_ACCOUNTS, key) is not None:
        return ""
    return f'error looking up service account {key}: serviceaccount "{account}" not found'
