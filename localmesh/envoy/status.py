"""Whether an Envoy runs what was delivered to it: its own word against the files that it follows."""

from typing import Literal

from localmesh.envoy.admin import Admin
from localmesh.envoy.dump import Dump
from localmesh.envoy.folder import Folder, Kind
from localmesh.envoy.subscriptions import Subscriptions, subscriptions

KINDS: tuple[Kind, ...] = ("cds", "lds", "eds", "rds")
"""In the order of istioctl's columns."""

Sync = Literal["SYNCED", "STALE", "ERROR", "NOT SENT"]
"""istiod's words: taken; delivered, but not taken yet; refused by Envoy; nothing there that it asked for."""


async def sync_status(admin: Admin) -> dict[Kind, Sync]:
    """Return the state of each kind. Raises AdminError."""
    folder = (await Dump.of(admin)).folder
    current = await subscriptions(admin)
    return {kind: _of_kind(kind, folder, current) for kind in KINDS}


def _of_kind(kind: Kind, folder: Folder, current: Subscriptions) -> Sync:
    """Return the worst state among a kind's files."""
    states = {_of_file(kind, name, version, folder, current) for name, version in folder.versions(kind).items()}
    worst_first: tuple[Sync, ...] = ("ERROR", "STALE", "SYNCED")
    return next((state for state in worst_first if state in states), "NOT SENT")


def _of_file(kind: Kind, name: str, version: str, folder: Folder, current: Subscriptions) -> Sync:
    subscription = current.get(kind, name)
    if subscription is None:
        return "NOT SENT"
    if folder.has_put_aside(kind, name):
        return "ERROR"
    return "SYNCED" if subscription.version == version else "STALE"
