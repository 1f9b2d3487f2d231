"""What groups of settings are made of: the frozen base, and kinds of values."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict

Positive = Annotated[int, Gt(0)]
Count = Annotated[int, Ge(0)]
Seconds = Annotated[float, Gt(0)]
Port = Annotated[int, Ge(0), Le(65_535)]
Share = Annotated[float, Gt(0), Lt(1)]
Weight = Annotated[float, Ge(0), Le(100)]


PORT = "port of /metrics, /healthz and /readyz at system.monitor_host, or the next free one; 0: none"


class Group(BaseModel):
    """A frozen group of settings: unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
