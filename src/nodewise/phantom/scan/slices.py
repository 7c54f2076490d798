"""Slices of a thickness out of a finer drawing: averages over z, as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Matrix = npt.NDArray[np.float32]


def averages(middles: Floats, thick: float, n: int) -> Matrix:
    """Rows that average ``n`` cells over ``thick`` cells about each of ``middles`` (in cells; cell i spans i ± ½).

    What lies beyond the ends is left out; a slice wholly beyond them is the end cell.
    """
    cells = np.arange(n)
    high = np.minimum(cells + 0.5, middles[:, None] + thick / 2)
    low = np.maximum(cells - 0.5, middles[:, None] - thick / 2)
    cover = np.clip(high - low, 0, 1)
    empty = cover.sum(axis=1) < 1e-6
    cover[empty, np.clip(np.rint(middles[empty]), 0, n - 1).astype(int)] = 1
    return np.asarray(cover / cover.sum(axis=1, keepdims=True), np.float32)
