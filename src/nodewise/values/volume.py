"""An image: numbers, where they lie, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box
from nodewise.values.grid import Grid


class Quantity(Enum):
    """What the numbers of a volume are."""

    HU = "HU"
    SUV = "SUVbw"
    PROBABILITY = "probability"
    LOGIT = "logit"
    LABEL = "label"
    MASK = "mask"
    MILLIMETRE = "mm"


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A 3-D array on a grid; the array is read-only and its axes are the grid's.

    Args:
        array: bool for a MASK, integer for a LABEL, float32 for all else; shape as the grid's.

    Raises:
        ValueError: shape or type do not fit.
    """

    array: npt.NDArray[Any]
    grid: Grid
    quantity: Quantity

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ValueError(f"an array of shape {self.array.shape} does not lie on a grid of {self.grid.shape}")
        kind = {Quantity.MASK: "b", Quantity.LABEL: "iu"}.get(self.quantity, "f")
        if self.array.dtype.kind not in kind or (kind == "f" and self.array.dtype != np.float32):
            raise ValueError(f"{self.quantity.value} is not kept as {self.array.dtype}")
        view = self.array.view()
        view.setflags(write=False)
        object.__setattr__(self, "array", view)

    def crop(self, box: Box) -> Volume:
        """The voxels in ``box``, as a view."""
        return Volume(self.array[box.slices], self.grid.crop(box), self.quantity)

    def with_array(self, array: npt.NDArray[Any], quantity: Quantity) -> Volume:
        """Other numbers on the same grid."""
        return Volume(array, self.grid, quantity)
