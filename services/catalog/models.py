"""What goes over the wire."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StrictBool,
    StringConstraints,
)

from services.chassis.values import Text

Price = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$")]
"""An amount such as ``282.00``, as a string: what the original speaks."""


class NewItem(BaseModel):
    """An item as a client proposes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[int, Strict()] | None = Field(default=None, exclude=True)
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


FaultType = Annotated[str, Field(pattern=r"^([45][0-9][0-9]|latency|drop)$")]
"""A status from 400 to 599, ``latency`` or ``drop``."""
_number = (
    Strict(),
    AfterValidator(lambda value: value + 0.0),  # -0 becomes 0
    PlainSerializer(lambda value: int(value) if value.is_integer() else value, return_type=int | float),
)
"""A JSON number, and no string that looks like one; 50 is answered as 50 and not as 50.0."""
Number = Annotated[float, *_number]
Percentage = Annotated[float, Field(ge=0, le=100), *_number]
"""Share of requests that a fault hits: 0 none, 100 all."""
Milliseconds = Annotated[float, Field(ge=0, le=3_600_000), *_number]
"""An hour at most."""


class FaultOrder(BaseModel):
    """Body of ``POST /blowup``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    active: StrictBool
    """False switches the fault off."""
    type: FaultType
    percentage: Percentage = 100
    latency_ms: Annotated[Milliseconds, Field(alias="latencyMs")] = 1000
    """Milliseconds that ``latency`` waits."""
    volatile: StrictBool = False
    """True: ``latency`` waits a random time up to ``latencyMs``."""


class FaultName(BaseModel):
    """Body of ``DELETE /blowup``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, Field(pattern=r"^[!-~]{1,20}$")]
    """The fault's type; one that is not active is no error."""


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
