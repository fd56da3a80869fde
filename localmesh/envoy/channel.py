"""One Envoy's end: what it is served, whatever stream it comes by, and what it has taken of that."""

import asyncio
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from localmesh.envoy.resources import Encoded, ResourceType
from localmesh.envoy.stream import DiscoveryRequest, DiscoveryResponse, Stream


class DisconnectedError(Exception):
    """No stream leads to Envoy: it does not run, not yet or not any more."""


class Connection(Struct, eq=False):
    """A stream in use."""

    stream: Stream
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be something to send."""

    is_over: bool = False
    """Whether a newer stream has taken its place."""


class Channel:
    """What one Envoy is served and has taken."""

    def __init__(self) -> None:
        self.served: dict[ResourceType, Mapping[str, Encoded]] = {}
        """What it is sent as soon as it asks for it, or at once if it does already."""

        self.accepted: dict[ResourceType, Mapping[str, Encoded]] = {type_: {} for type_ in ResourceType}
        """What Envoy runs or, while there is none, what the last one ran."""

        self.on_connect: Callable[[], None] = lambda: None
        """Called when a stream begins."""

        self._connection: Connection | None = None
        self._changed = asyncio.Event()

    @property
    def stream(self) -> Stream | None:
        """Return the stream that leads to Envoy, None when there is none."""
        return self._connection.stream if self._connection else None

    def connect(self) -> Connection:
        """Begin a stream. The newest one counts: of an Envoy that was killed, the old one may not have ended yet."""
        if self._connection is not None:
            self.disconnect(self._connection)
        self._connection = Connection(Stream(self.served, self._accept))
        self._notify()
        self.on_connect()
        return self._connection

    def disconnect(self, connection: Connection) -> None:
        """End a stream."""
        connection.is_over = True
        connection.wake.set()
        if self._connection is connection:
            self._connection = None
            self._notify()

    def close(self) -> None:
        """End the stream if there is one."""
        if self._connection is not None:
            self.disconnect(self._connection)

    def receive(self, connection: Connection, request: DiscoveryRequest) -> None:
        """Take in what Envoy says on a stream."""
        if connection is self._connection:
            connection.stream.receive(request)
            connection.wake.set()
            self._notify()

    def serve(self, type_: ResourceType, resources: Mapping[str, Encoded]) -> None:
        """Have Envoy run these resources of a type."""
        self.served[type_] = resources
        if self._connection is not None:
            self._connection.wake.set()

    async def settled(self, type_: ResourceType) -> str | None:
        """Wait until Envoy has answered to all that it is served of a type; return why it refuses it, if it does.

        Raises DisconnectedError.
        """
        while True:
            if self.stream is None:
                raise DisconnectedError
            if self.stream.is_settled(type_):
                return self.stream.refusal(type_)
            await self._changed.wait()

    def _accept(self, response: DiscoveryResponse) -> None:
        taken = {resource.name: resource for resource in response.resources}
        before = {} if response.type.is_complete else self.accepted[response.type]
        self.accepted[response.type] = {**before, **taken}

    def _notify(self) -> None:
        """Wake whoever waits for something to change."""
        self._changed.set()
        self._changed = asyncio.Event()
