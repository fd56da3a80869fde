"""What an Envoy runs, read from its config dump."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from localmesh.envoy.admin import Admin
from localmesh.envoy.resources import Resource


class Dump(Struct, frozen=True):
    """One config dump: a document for each kind, told apart by `@type` (envoy.admin.v3.*ConfigDump)."""

    documents: Sequence[dict[str, Any]]

    @classmethod
    async def of(cls, admin: Admin) -> "Dump":
        """Ask an Envoy. Raises AdminError."""
        return cls(await admin.config_dump())

    @property
    def listeners(self) -> list[Resource]:
        """Return the listeners that serve."""
        entries = [entry.get("active_state", {}) for entry in self._entries("Listeners", "dynamic_listeners")]
        return [entry["listener"] for entry in entries if entry]

    @property
    def clusters(self) -> list[Resource]:
        """Return the clusters that serve."""
        entries = self._entries("Clusters", "dynamic_active_clusters", "static_clusters")
        return [entry["cluster"] for entry in entries]

    @property
    def routes(self) -> list[Resource]:
        """Return the route configurations, those that stand inside a listener too."""
        entries = self._entries("Routes", "dynamic_route_configs", "static_route_configs")
        return [entry["route_config"] for entry in entries]

    @property
    def secrets(self) -> list[Resource]:
        """Return the secrets that there are, each with its version and state; keys are left out by Envoy."""
        return list(self._entries("Secrets", "dynamic_active_secrets", "static_secrets"))

    def _entries(self, kind: str, *fields: str) -> Iterator[dict[str, Any]]:
        for document in self._documents(kind):
            for field in fields:
                yield from document.get(field, [])

    def _documents(self, kind: str) -> list[dict[str, Any]]:
        return [document for document in self.documents if document["@type"].endswith(f".{kind}ConfigDump")]
