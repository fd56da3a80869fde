"""What reviews reads from its environment."""

from typing import Annotated, Literal

from pydantic import Field

from services.bookinfo.backends import BackendSettings
from services.chassis.settings import Port

BLACK = "black"


class Settings(BackendSettings):
    """Reviews' environment. The version decides on the stars; two variables of the original's overrule it."""

    port: Port = 9080
    """TCP port to listen on."""
    service_version: Literal["v1", "v2", "v3"] = "v1"
    """v1: no stars. v2: black stars. v3: red stars."""
    enable_ratings: bool | None = None
    """Whether ratings is asked for stars."""
    star_color: Annotated[str, Field(pattern=r"^[A-Za-z]{1,30}$")] | None = None
    """The stars' colour, by a name that browsers know."""
    hostname: str = ""
    """The pod's name, which Kubernetes sets."""
    cluster_name: str = "null"
    """The cluster's name, if it has one."""

    @property
    def asks_ratings(self) -> bool:
        """Whether reviews have stars."""
        return self.service_version != "v1" if self.enable_ratings is None else self.enable_ratings

    @property
    def color(self) -> str:
        """The stars' colour."""
        return self.star_color or ("red" if self.service_version == "v3" else BLACK)

    @property
    def ratings_timeout_seconds(self) -> float:
        """How long ratings may take.

        The lesson on fault injection needs both: with 10 s a delay of 7 s passes here and breaks productpage, whose
        mend is the other one.
        """
        return 10.0 if self.color == BLACK else 2.5
