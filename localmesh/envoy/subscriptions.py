"""What an Envoy says of the files that it follows: which version it runs and how many it refused, from its stats."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from localmesh.envoy.admin import Admin
from localmesh.envoy.folder import Kind

STATS = (
    r"(cluster_manager\.cds|listener_manager\.lds|http\..+\.rds\..+|cluster\..+)"
    r"\.(version_text|update_rejected)|cluster_manager\.warming_clusters"
)
_OWNERS: dict[Kind, str] = {
    "cds": r"cluster_manager\.cds()",
    "lds": r"listener_manager\.lds()",
    "rds": r"http\..+?\.rds\.(.+)",
    # The `;` is istiod's end of a cluster's stat name.
    "eds": r"cluster\.(.+?);?",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One file that Envoy follows."""

    version: str = ""
    """The version it runs, "" before the first good one."""

    refusals: int = 0
    """How often it refused the file since its start."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """All files that Envoy follows."""

    by_stat_name: Mapping[tuple[Kind, str], Subscription] = field(default_factory=dict)
    warming: int = 0
    """Clusters that Envoy took, but does not serve yet."""

    def get(self, kind: Kind, name: str = "") -> Subscription | None:
        """Return the state of a file, None when Envoy does not follow it."""
        return self.by_stat_name.get((kind, stat_name(name)))


def stat_name(name: str) -> str:
    """Return a resource's name as Envoy writes it in a stat's: without colons."""
    return name.replace(":", "_")


async def subscriptions(admin: Admin) -> Subscriptions:
    """Ask an Envoy. Raises AdminUnreachableError."""
    return read(await admin.stats(STATS))


def read(stats: Mapping[str, str]) -> Subscriptions:
    """Read the stats that STATS selects."""
    grouped: dict[tuple[Kind, str], dict[str, str]] = {}
    for stat, value in stats.items():
        owner, _, field = stat.rpartition(".")
        key = _owner(owner)
        if key:
            grouped.setdefault(key, {})[field] = value
    # Clusters of other types than EDS count updates too, but follow no file.
    found = {key: _subscription(fields) for key, fields in grouped.items() if "version_text" in fields}
    return Subscriptions(found, int(stats.get("cluster_manager.warming_clusters", 0)))


def _owner(owner: str) -> tuple[Kind, str] | None:
    for kind, pattern in _OWNERS.items():
        match = re.fullmatch(pattern, owner)
        if match:
            return kind, match[1]
    return None


def _subscription(fields: Mapping[str, str]) -> Subscription:
    return Subscription(fields["version_text"], int(fields.get("update_rejected", 0)))
