"""What goes over the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, Strict, StrictBool, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Price = Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,2})?$")]
"""An amount such as ``282.00``, as a string: what the original speaks."""


class NewItem(BaseModel):
    """An item as a client proposes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int | None = Field(default=None, exclude=True)
    """Read and not used, as in the original: the store gives the id."""
    color: Text
    department: Text
    name: Text
    price: Price


class Item(BaseModel):
    """An item as the store knows it. The order of the fields is the order on the wire."""

    model_config = ConfigDict(frozen=True)

    id: int
    color: str
    department: str
    name: str
    price: str


class ItemWithImage(Item):
    """An item as version 2 answers it."""

    image_url: Annotated[str, Field(serialization_alias="imageUrl")]
    """Where a browser finds the picture."""


FaultType = Annotated[str, Field(pattern=r"^([45]\d\d|latency|drop)$")]
"""A status from 400 to 599, ``latency`` or ``drop``."""
Number = Annotated[float, Strict(), PlainSerializer(lambda value: int(value) if value.is_integer() else value)]
"""A JSON number, and no string that looks like one; 50 is answered as 50 and not as 50.0."""
Percentage = Annotated[Number, Field(ge=0, le=100)]
"""Share of requests that a fault hits: 0 none, 100 all."""
MAX_LATENCY_MS = 3_600_000


class FaultOrder(BaseModel):
    """Body of ``POST /blowup``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    active: StrictBool
    """False switches the fault off."""
    type: FaultType
    percentage: Percentage = 100
    latency_ms: Annotated[Number, Field(alias="latencyMs", ge=0, le=MAX_LATENCY_MS)] = 1000
    """Milliseconds that ``latency`` waits."""
    volatile: StrictBool = False
    """True: ``latency`` waits a random time up to ``latencyMs``."""


class FaultName(BaseModel):
    """Body of ``DELETE /blowup``."""

    type: Annotated[str, Field(max_length=20)]


class FaultReport(BaseModel):
    """One active fault in ``GET /blowup``."""

    active: Literal[True] = True
    type: str
    percentage: Number
    latency_ms: Annotated[Number | None, Field(serialization_alias="latencyMs")] = None
    volatile: bool | None = None
    seen: int
    """Requests that the fault could have hit."""
    hit: int
    """Requests that it did hit."""
