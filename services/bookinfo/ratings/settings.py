"""What ratings reads from its environment."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from services.chassis.settings import Port, ServiceSettings

Version = Literal["v1", "v-faulty", "v-delayed", "v-unavailable", "v-unhealthy"]


def _has_no_database(value: object) -> object:
    if isinstance(value, str) and value.startswith("v2"):
        raise ValueError(
            "ratings v2 keeps its ratings in MongoDB or MySQL, which is left out here; deploy v1, or the original image"
        )
    return value


class Settings(ServiceSettings):
    """Ratings' environment."""

    port: Port = 9080
    """TCP port to listen on."""
    service_version: Annotated[Version, BeforeValidator(_has_no_database)] = "v1"
    """v-faulty: 503 half the time. v-delayed: 7 s late half the time. v-unavailable: 503 for a minute in two.
    v-unhealthy: the same by 15 minutes, and ``/health`` says so."""
    max_products: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Of how many products it keeps the ratings that it was sent."""
    fault_seed: int | None = None
    """Seed of the draws that decide which requests a fault hits; random unless set."""
