"""A grid that shapes are painted on, keeping how much of each voxel they fill."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Axes, Field, Shape, Tube
from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.values.grid import Grid, Point

Slices = tuple[slice, slice, slice]
_SLAB_VOXELS = 4_000_000


class Canvas:
    """Tissues painted one over another on a grid whose axes are the patient's; later paint covers earlier."""

    def __init__(self, grid: Grid) -> None:
        shape = grid.shape
        self.grid = grid
        self.axes: Axes = tuple(  # type: ignore[assignment]
            (o + np.arange(n) * s).astype(np.float32) for o, n, s in zip(grid.origin, shape, grid.spacing, strict=True)
        )
        self.step = float(np.prod(grid.spacing) ** (1 / 3))
        self.tissue = np.zeros(shape, np.uint8, order="F")
        self.other = np.zeros(shape, np.uint8, order="F")
        self.share = np.full(shape, 255, np.uint8, order="F")
        self.nodes = np.zeros(shape, np.uint16, order="F")
        self.organs = np.zeros(shape, np.uint8, order="F")

    def window(self, shape: Shape, margin: float) -> Slices | None:
        """The part of the grid that ``shape`` may touch; None where it lies outside."""
        low, high = shape.bounds
        found = tuple(
            slice(*np.searchsorted(ax, (lo - margin, hi + margin)).tolist())
            for ax, lo, hi in zip(self.axes, low, high, strict=True)
        )
        if min(s.stop - s.start for s in found) < 1:
            return None
        return (found[0], found[1], found[2])

    def distance(self, shape: Shape, part: Slices, reach: float) -> Field:
        """Signed distance of ``shape`` in ``part`` of the grid."""
        x, y, z = (ax[s] for ax, s in zip(self.axes, part, strict=True))
        return shape.distance((x, y, z), reach)

    def paint(
        self,
        tissue: Tissue,
        shape: Shape,
        grow: float = 0.0,
        only: Collection[Tissue] = (),
        organ: int = 0,
    ) -> None:
        """Paint ``shape``, grown by ``grow`` mm, over everything or over the tissues in ``only`` alone.

        A large one is painted a few slices at a time.
        """
        reach = max(grow, 0.0) + self.step
        part = self.window(shape, reach)
        if part is None:
            return
        x, y, z = part
        thin = 1.0
        if isinstance(shape, Tube):
            thin = min(1.0, max(0.0, 2 * (float(shape.radii.max()) + grow) / self.step) ** 1.5)
        count = max(1, _SLAB_VOXELS // ((x.stop - x.start) * (y.stop - y.start)))
        for start in range(z.start, z.stop, count):
            slab = (x, y, slice(start, min(start + count, z.stop)))
            self.fill(tissue, self.distance(shape, slab, reach) - np.float32(grow), slab, only, thin, organ)

    def fill(
        self,
        tissue: Tissue,
        distance: Field,
        part: Slices | None = None,
        only: Collection[Tissue] = (),
        full: float = 1.0,
        organ: int = 0,
    ) -> None:
        """Paint where ``distance`` is negative; at its edge a voxel is shared, thin shapes fill at most ``full``.

        Voxels that are mostly ``tissue`` become part of ``organ`` (an index into ``organ_names.ORGANS``).
        """
        part = part or (slice(None), slice(None), slice(None))
        top, other, share = self.tissue[part], self.other[part], self.share[part]
        hit = distance < 0.5 * self.step
        if only:
            hit &= _among(top, only)
        index = np.nonzero(hit.T)[::-1]
        amount = np.clip(0.5 - distance[index] / self.step, 0, 1) * full
        amount = (amount * 255).astype(np.uint8)
        t, o, s = top[index], other[index], share[index]
        major = amount >= 128
        minor = ~major & (amount > 12) & (s > 255 - amount) & (t != tissue)
        o = np.where(major, np.where(t == tissue, o, t), np.where(minor, tissue, o))
        s = np.where(major, np.where(t == tissue, np.maximum(s, amount), amount), np.where(minor, 255 - amount, s))
        top[index] = np.where(major, tissue, t)
        other[index] = o
        share[index] = s
        organs = self.organs[part]
        organs[index] = np.where(major, organ, organs[index])

    def geometry(self) -> Geometry:
        """What was painted."""
        return Geometry(self.grid, self.tissue, self.other, self.share, self.nodes)


def grid_between(low: npt.ArrayLike, high: npt.ArrayLike, spacing: Point) -> Grid:
    """A grid along the patient's axes whose first voxel lies at ``low`` and that reaches ``high``, LPS mm."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    shape = np.maximum(1, np.ceil((high - low) / spacing)).astype(int)
    return Grid.of(tuple(shape.tolist()), spacing, tuple(low.tolist()))


def _among(labels: npt.NDArray[np.uint8], wanted: Collection[Tissue]) -> npt.NDArray[np.bool_]:
    """Where ``labels`` is one of ``wanted``."""
    table = np.zeros(256, np.bool_)
    table[list(wanted)] = True
    return np.asarray(table[labels])
