"""Display windows: HU to grey, as a CT workstation shows them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Window(NamedTuple):
    """Middle and width of the grey scale, HU."""

    level: float
    width: float


SOFT_TISSUE = Window(level=40, width=350)


def window(hu: npt.NDArray[Any], level: float, width: float) -> npt.NDArray[np.float32]:
    """HU as float32 grey from 0 (``level − width / 2`` and below) to 1 (``level + width / 2`` and above).

    >>> window(np.array([-135, 40, 215, 3000]), *SOFT_TISSUE).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    grey = (np.asarray(hu, dtype=np.float32) - np.float32(level - width / 2)) / np.float32(width)
    return np.clip(grey, 0, 1, out=grey)
