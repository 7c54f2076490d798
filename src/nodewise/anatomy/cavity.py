"""The inside of the rib cage, where thoracic nodes lie and the muscles of the chest wall do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.values.volume import Quantity, Volume

STEP_MM = 4.5


def chest_cavity(lungs: Volume, stations: Volume | None) -> Volume | None:
    """The convex hull of both lungs (P3, post-processing), and the station map, which reaches above their apices.

    Args:
        lungs: MASK of both.
        stations: LABEL, or None.

    Returns:
        MASK on a lattice of about 4.5 mm over the grid of ``lungs``; None where there is nothing to put a hull around.
    """
    from scipy.spatial import ConvexHull, Delaunay, QhullError

    grid = lungs.grid.resampled((STEP_MM, STEP_MM, STEP_MM))
    surface = _ends_of_lines(lungs)
    try:
        hull = Delaunay(surface[ConvexHull(surface).vertices])
    except (QhullError, ValueError):  # too few points, or all in one plane
        return None
    inside = np.asfortranarray(hull.find_simplex(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))) >= 0)
    if stations is not None:
        inside |= resample(stations, grid).array > 0
    return Volume(inside, grid, Quantity.MASK)


def _ends_of_lines(mask: Volume) -> npt.NDArray[np.float64]:
    """LPS points (n, 3) where every line along x enters and leaves the mask: their hull is the mask's."""
    j, k = np.nonzero(mask.array.any(axis=0))
    first = mask.array.argmax(axis=0)[j, k] - 0.5
    last = mask.array.shape[0] - 0.5 - mask.array[::-1].argmax(axis=0)[j, k]
    return mask.grid.to_lps(np.concatenate([np.stack([i, j, k], axis=1) for i in (first, last)]))
