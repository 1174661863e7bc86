"""What everything that is asked for or told is made of."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Values that never change, of known names only, and never infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
