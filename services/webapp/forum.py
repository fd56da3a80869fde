"""The only place that speaks HTTP to the forum."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from services.chassis.forwarding import ForwardedHeaders
from services.webapp.models import User
from services.webapp.upstream import Upstream

NAME = "Forum"
_USERS = TypeAdapter(list[User])


@dataclass(frozen=True, slots=True)
class ForumClient:
    """The forum's interface, as far as webapp uses it, for one request of a caller's."""

    upstream: Upstream
    """Where the forum is, if it is."""
    headers: ForwardedHeaders
    """What goes along with each call."""

    async def users(self) -> list[User]:
        """All users; raises what `Upstream.call` raises."""
        return await self.upstream.fetch(_USERS, "GET", "/api/users", self.headers)
