"""One push: a whole configuration brought to one Envoy in an order in which no request ever meets a gap.

Endpoints, then clusters; once Envoy serves those, routes; then listeners. What is gone is taken away last and the other
way round. With routes before clusters, one request in ten was lost while configuration changed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from localmesh.envoy.admin import Admin, AdminError, AdminUnreachableError
from localmesh.envoy.complaints import complaints
from localmesh.envoy.folder import Document, Folder, Kind, endpoint_documents, name_of, read, route_documents
from localmesh.envoy.resources import Resources
from localmesh.envoy.subscriptions import Subscription, Subscriptions, subscriptions

POLL_S = 0.004
TIMEOUT_S = 10.0
"""How long Envoy may take for one step; clusters that resolve a name need a few seconds."""

LOG_LAG_S = 0.5
"""How long a line that Envoy wrote may take until it is in the log."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One document that Envoy did not take."""

    kind: Kind
    name: str
    """The resource's name, "" for the lists of all clusters and all listeners."""

    reason: str
    """Envoy's own words."""

    def __str__(self) -> str:
        return f"{self.kind.upper()} {self.name}".strip() + f": {self.reason}"


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push."""

    outcome: Literal["accepted", "refused", "timed out", "not running"]
    """`not running`: the files are there for an Envoy that starts later."""

    refusals: tuple[Refusal, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        return "; ".join([self.outcome, *map(str, self.refusals)])


@dataclass(slots=True)
class Pusher:
    """Brings configurations to one Envoy, one after the other."""

    folder: Folder
    admin: Admin
    log: Callable[[], str]
    """Returns the latest piece of Envoy's log, where it says why it refused something."""

    timeout_s: float = TIMEOUT_S
    _counted: Subscriptions = field(default_factory=Subscriptions)
    """What Envoy said last: a refusal counted since then is one of the current documents'."""

    _heard: frozenset[str] = frozenset()
    """When Envoy complained, as far as that is known already."""

    async def push(self, wanted: Resources) -> PushResult:
        """Bring a configuration to Envoy, all but the removal of what it no longer names (see `sweep`).

        A refused document is put aside and its file gets back what Envoy runs, so that it comes up with that again.
        After a refusal of clusters, routes and listeners stay as they are, since they may need those clusters.
        """
        began = time.monotonic()
        refusals: list[Refusal] = []
        try:
            refusals = await self._steps(wanted)
            outcome: Literal["accepted", "refused", "timed out", "not running"] = "refused" if refusals else "accepted"
        except AdminUnreachableError:
            self.folder.write_all(wanted)
            outcome = "not running"
        except (TimeoutError, AdminError):
            outcome = "timed out"
        return PushResult(outcome, tuple(refusals), time.monotonic() - began)

    async def sweep(self, wanted: Resources, superseded: Callable[[], bool]) -> None:
        """Take away the clusters, endpoints and routes that nothing has referred to since an accepted push.

        When Envoy does not play along they stay: the next sweep finds them again.
        """
        try:
            refusals = await self._deliver([Document.of("cds", wanted.cds)])
        except (TimeoutError, AdminError):
            return
        if not refusals and not superseded():
            self.folder.keep_only("eds", map(name_of, wanted.eds))
            self.folder.keep_only("rds", map(name_of, wanted.rds))

    async def _steps(self, wanted: Resources) -> list[Refusal]:
        refusals = await self._deliver([*endpoint_documents(wanted), self._clusters(wanted)])
        if refusals:
            return refusals
        routes = route_documents(wanted)
        refusals = await self._deliver(routes)
        refusals += await self._deliver([Document.of("lds", wanted.lds)])
        # Routes that no listener referred to before have been read only now.
        return refusals or await self._deliver(routes)

    def _clusters(self, wanted: Resources) -> Document:
        """Return the wanted clusters and those that are there already: routes may still lead to these."""
        clusters = {name_of(cluster): cluster for cluster in (*self.folder.resources("cds"), *wanted.cds)}
        return Document.of("cds", [clusters[name] for name in sorted(clusters)])

    async def _deliver(self, documents: Sequence[Document]) -> list[Refusal]:
        """Write documents, wait until Envoy has taken or refused each, and put the refused ones aside."""
        previous = {document: read(self.folder.path(document.kind, document.name)) for document in documents}
        for document in documents:
            self.folder.give_another_chance(document)
        self.folder.write(documents)
        refused = await self._settled(documents)
        for document in refused:
            self.folder.put_aside(document, previous[document])
        reason = await self._reason() if refused else ""
        return [Refusal(document.kind, document.name, reason) for document in refused]

    async def _settled(self, documents: Sequence[Document]) -> list[Document]:
        """Wait until Envoy runs each document that it follows; return those that it refused instead.

        Endpoints are overtaken while a push is under way (see Delivery.submit): a document that is no longer in its
        file is not waited for. Raises TimeoutError when Envoy does neither, AdminError when it says nothing.
        """
        async with asyncio.timeout(self.timeout_s):
            while True:
                current = await subscriptions(self.admin)
                open_ = [each for each in documents if self.folder.holds(each) and not _runs(current, each)]
                refused = [document for document in open_ if self._refuses(current, document)]
                if refused == open_ and not current.warming:
                    self._counted = current
                    return refused
                await asyncio.sleep(POLL_S)

    def _refuses(self, current: Subscriptions, document: Document) -> bool:
        """Tell whether Envoy has counted a refusal of the file since the last look; a new Envoy counts from 0."""
        before = self._counted.get(document.kind, document.name) or Subscription()
        now = current.get(document.kind, document.name) or Subscription()
        return now.refusals not in (0, before.refusals)

    async def _reason(self) -> str:
        """Return what Envoy has complained of since it was last asked."""
        deadline = time.monotonic() + LOG_LAG_S
        while True:
            found = complaints(self.log())
            new = {when: reason for when, reason in found.items() if when not in self._heard}
            if new or time.monotonic() > deadline:
                self._heard = frozenset(found)
                return "; ".join(new.values()) or "Envoy's log says why"
            await asyncio.sleep(POLL_S)


def _runs(current: Subscriptions, document: Document) -> bool:
    """Tell whether Envoy runs a document, or follows no such file: routes and endpoints that nothing refers to yet."""
    subscription = current.get(document.kind, document.name)
    if subscription is None:
        return bool(document.name)
    return subscription.version == document.version
