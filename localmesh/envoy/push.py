"""One push: a whole configuration brought to one Envoy in an order in which no request ever meets a gap.

Endpoints, then clusters; once Envoy serves those, routes; then listeners. What is gone is taken away last and the other
way round. With routes before clusters, one request in ten was lost while configuration changed.

Envoy answers to clusters only once each of them is warm, that is, has its endpoints (ClusterManagerImpl pauses CDS
until then): its ACK is all that there is to wait for.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from localmesh.envoy.channel import Channel, DisconnectedError
from localmesh.envoy.resources import Configuration, Encoded, ResourceType

BEFORE_ROUTES = (ResourceType.CLUSTER, ResourceType.ENDPOINT, ResourceType.SECRET)
"""What has to be there before a request is sent to it."""

TIMEOUT_S = 10.0
"""How long Envoy may take for one step; clusters that resolve a name need a few seconds."""

Outcome = Literal["accepted", "refused", "timed out", "not running"]
"""`not running`: the configuration is there for an Envoy that starts later."""


class Refusal(Struct, frozen=True):
    """One resource that Envoy did not take."""

    type: ResourceType
    resource: Encoded
    reason: str
    """Envoy's own words."""

    instead: Encoded | None = None
    """What Envoy runs in its place."""

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource.name

    def __str__(self) -> str:
        return f"{self.type.discovery} {self.name}: {self.reason}"


class PushResult(Struct, frozen=True):
    """What became of a push."""

    outcome: Outcome
    refusals: tuple[Refusal, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        return "; ".join([self.outcome, *map(str, self.refusals)])


class Pusher(Struct):
    """Brings configurations to one Envoy, one after the other."""

    channel: Channel
    timeout_s: float = TIMEOUT_S
    refused: dict[tuple[ResourceType, str], Refusal] = field(default_factory=dict)
    """What Envoy would not take: in its place it is served what it has taken before, also after a restart."""

    async def push(self, configuration: Configuration) -> PushResult:
        """Bring a configuration to Envoy, all but the removal of what it no longer names (see `sweep`).

        What was refused before is not tried again.
        """
        began = time.monotonic()
        try:
            await self._steps(configuration)
            outcome: Outcome = "refused" if self.refusals(configuration) else "accepted"
        except DisconnectedError:
            self._prepare(configuration)
            outcome = "not running"
        except TimeoutError:
            outcome = "timed out"
        return PushResult(outcome, tuple(self.refusals(configuration)), time.monotonic() - began)

    async def push_again(self, configuration: Configuration) -> PushResult:
        """Bring a configuration to Envoy, with what was refused before once the rest is there."""
        result = await self.push(configuration)
        if result.outcome != "refused":
            return result
        self.refused.clear()
        return await self.push(configuration)

    def refusals(self, configuration: Configuration) -> list[Refusal]:
        """Return what was refused of a configuration."""
        of_wanted = [(refusal, configuration[refusal.type].get(refusal.name)) for refusal in self.refused.values()]
        return [refusal for refusal, resource in of_wanted if resource and resource.version == refusal.resource.version]

    async def sweep(self, configuration: Configuration, superseded: Callable[[], bool]) -> None:
        """Take away the clusters, endpoints and routes that nothing has referred to since an accepted push.

        When Envoy does not play along they stay: the next sweep finds them again.
        """
        self.channel.serve(ResourceType.CLUSTER, configuration[ResourceType.CLUSTER])
        try:
            async with asyncio.timeout(self.timeout_s):
                await self.channel.settled(ResourceType.CLUSTER)
        except (TimeoutError, DisconnectedError):
            return
        if not superseded():
            for type_ in (ResourceType.ENDPOINT, ResourceType.ROUTE, ResourceType.SECRET):
                self.channel.serve(type_, configuration[type_])

    async def _steps(self, configuration: Configuration) -> None:
        for type_ in BEFORE_ROUTES:
            self.channel.serve(type_, self._beside_served(type_, configuration))
        for type_ in BEFORE_ROUTES:
            await self._offer(type_, self._beside_served(type_, configuration))
        await self._offer(ResourceType.ROUTE, self._beside_served(ResourceType.ROUTE, configuration))
        await self._offer(ResourceType.LISTENER, self._takeable(ResourceType.LISTENER, configuration))
        # What no listener referred to before is asked for only now.
        for type_ in (ResourceType.SECRET, ResourceType.ROUTE):
            await self._offer(type_, self._beside_served(type_, configuration))

    def _prepare(self, configuration: Configuration) -> None:
        """Have everything there for an Envoy that starts: it asks for it in the right order by itself."""
        for type_ in (*BEFORE_ROUTES, ResourceType.ROUTE):
            self.channel.serve(type_, self._beside_served(type_, configuration))
        self.channel.serve(ResourceType.LISTENER, self._takeable(ResourceType.LISTENER, configuration))

    def _beside_served(self, type_: ResourceType, configuration: Configuration) -> Mapping[str, Encoded]:
        """Return what is wanted of a type and what is served already: something may still refer to that."""
        return beside(self.channel.served.get(type_, {}), self._takeable(type_, configuration))

    def _takeable(self, type_: ResourceType, configuration: Configuration) -> Mapping[str, Encoded]:
        """Return what is wanted of a type, but what Envoy took last in place of what it is not to have."""
        if not self.refused:
            return configuration[type_]
        missing = self._missing_clusters(configuration)
        taken = {}
        for name, resource in configuration[type_].items():
            instead = self.channel.accepted[type_].get(name)
            if not (self._is_refused(type_, resource) or _leads_to(missing, type_, resource)):
                taken[name] = resource
            elif instead is not None and not self._is_refused(type_, instead):
                taken[name] = instead
        return taken

    def _missing_clusters(self, configuration: Configuration) -> list[bytes]:
        """Return the names of wanted clusters that Envoy has no version of: what leads there would lead nowhere."""
        accepted = self.channel.accepted[ResourceType.CLUSTER]
        clusters = [refusal for refusal in self.refusals(configuration) if refusal.type is ResourceType.CLUSTER]
        return [refusal.name.encode() for refusal in clusters if refusal.name not in accepted]

    def _is_refused(self, type_: ResourceType, resource: Encoded) -> bool:
        refusal = self.refused.get((type_, resource.name))
        return refusal is not None and refusal.resource.version == resource.version

    async def _offer(self, type_: ResourceType, resources: Mapping[str, Encoded]) -> None:
        """Serve resources of a type until Envoy has taken them, but for those that it refuses."""
        reason = await self._answer(type_, resources)
        if reason is not None:
            taken = self._taken(type_)
            changed = [resource for name, resource in resources.items() if taken.get(name) != resource]
            await self._sort_out(type_, {name: taken[name] for name in resources if name in taken}, changed, reason)

    async def _sort_out(
        self, type_: ResourceType, taken: Mapping[str, Encoded], refused: Sequence[Encoded], reason: str
    ) -> None:
        """Find those by halves for which Envoy refuses some resources, and have it run the others."""
        if len(refused) == 1:
            instead = self.channel.accepted[type_].get(refused[0].name)
            self.refused[type_, refused[0].name] = Refusal(type_, refused[0], reason, instead)
            await self._answer(type_, taken)
            return
        for half in _halves(refused):
            before = dict(taken)
            answer = await self._answer(type_, before | {resource.name: resource for resource in half})
            if answer is not None:
                await self._sort_out(type_, before, half, answer)
            taken = {**before, **self._taken(type_)}

    async def _answer(self, type_: ResourceType, resources: Mapping[str, Encoded]) -> str | None:
        """Serve resources and return why Envoy refuses them, None if it does not."""
        self.channel.serve(type_, resources)
        async with asyncio.timeout(self.timeout_s):
            return await self.channel.settled(type_)

    def _taken(self, type_: ResourceType) -> Mapping[str, Encoded]:
        """Return what this Envoy, since its start, has taken of a type."""
        if self.channel.stream is None:
            raise DisconnectedError
        return self.channel.stream.taken(type_)


def beside(served: Mapping[str, Encoded], newest: Mapping[str, Encoded]) -> Mapping[str, Encoded]:
    """Return what is served already and what is wanted, in its newest version."""
    return newest if served.keys() <= newest.keys() else {**served, **newest}


def _leads_to(clusters: Sequence[bytes], type_: ResourceType, resource: Encoded) -> bool:
    """Tell whether a route configuration or a listener may send requests to one of some clusters."""
    refers = type_ in (ResourceType.ROUTE, ResourceType.LISTENER)
    return refers and any(cluster in resource.value for cluster in clusters)


def _halves(resources: Sequence[Encoded]) -> tuple[Sequence[Encoded], Sequence[Encoded]]:
    middle = len(resources) // 2
    return resources[:middle], resources[middle:]
