"""What makes a network's logits probabilities that hold, on disk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field, model_validator

from nodewise.models.calibration import Calibration, Isotonic, Temperature
from nodewise.models.frozen import Frozen, Share


class TemperatureFile(Frozen):
    """``Temperature`` on disk: calibrated logit = ``scale`` × logit + ``shift``."""

    kind: Literal["temperature"] = "temperature"
    scale: Annotated[float, Field(gt=0)]
    shift: float = 0.0

    def build(self) -> Temperature:
        """Ready for use."""
        return Temperature(self.scale, self.shift)


class IsotonicFile(Frozen):
    """``Isotonic`` on disk: probability ``y`` at probability ``x``, straight between knots and level beyond them."""

    kind: Literal["isotonic"] = "isotonic"
    x: Annotated[tuple[Share, ...], Field(min_length=1, max_length=10_000)]
    y: tuple[Share, ...]

    @model_validator(mode="after")
    def _rises(self) -> IsotonicFile:
        if len(self.x) != len(self.y) or list(self.x) != sorted(set(self.x)) or list(self.y) != sorted(self.y):
            raise ValueError("x and y are as many, x rises and y does not fall")
        return self

    def build(self) -> Isotonic:
        """Ready for use."""
        return Isotonic(self.x, self.y)


CalibrationFile = Annotated[TemperatureFile | IsotonicFile, Field(discriminator="kind")]


def describe_calibration(calibration: Calibration) -> TemperatureFile | IsotonicFile:
    """As it is kept in ``model.json``."""
    kind = TemperatureFile if isinstance(calibration, Temperature) else IsotonicFile
    return kind.model_validate(asdict(calibration))
