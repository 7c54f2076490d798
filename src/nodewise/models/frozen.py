"""What every part of a model file is: it does not change, and holds nothing unknown or infinite."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Frozen(BaseModel):
    """A part of a model file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
