"""Where voxels lie in the patient: index (i, j, k) to LPS millimetres."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box, Index3

Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A regular lattice of voxel centres in LPS millimetres (x to the patient's left, y to the back, z to the head).

    Args:
        shape: voxels along each array axis.
        affine: 4×4, ``affine @ (i, j, k, 1)`` is the centre of voxel (i, j, k); a read-only copy is kept.

    Raises:
        ValueError: the affine is singular or not finite, or an axis has no voxels.
    """

    shape: Index3
    affine: Floats

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise ValueError(f"an affine is a finite 4x4 matrix with last row 0 0 0 1, not {affine.tolist()}")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() <= 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
            raise ValueError("the affine is singular: two voxel axes coincide")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a grid has three axes of at least one voxel, not shape {self.shape}")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @staticmethod
    def of(shape: Index3, spacing: Point, origin: Point = (0.0, 0.0, 0.0), direction: Floats | None = None) -> Grid:
        """A grid from ITK's terms: spacing in mm, centre of voxel (0, 0, 0), direction cosines in columns."""
        affine = np.eye(4)
        affine[:3, :3] = (np.eye(3) if direction is None else direction) * np.asarray(spacing)
        affine[:3, 3] = origin
        return Grid(shape, affine)

    @property
    def spacing(self) -> Point:
        """Distance in mm between neighbouring voxel centres along each array axis."""
        s = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(s[0]), float(s[1]), float(s[2]))

    @property
    def direction(self) -> Floats:
        """3×3, unit vectors of the array axes in its columns."""
        return np.asarray(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def origin(self) -> Point:
        """Centre of voxel (0, 0, 0) in LPS mm."""
        o = self.affine[:3, 3]
        return (float(o[0]), float(o[1]), float(o[2]))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, sheared grids included."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def to_lps(self, index: npt.ArrayLike) -> Floats:
        """LPS mm of voxel indices (…, 3), whole or fractional."""
        return np.asarray(np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_index(self, lps_mm: npt.ArrayLike) -> Floats:
        """Fractional voxel indices of LPS points (…, 3)."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(np.asarray(lps_mm, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3])

    def same_as(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Whether both grids put every voxel in the same place, to within ``tolerance_mm`` at the corners."""
        return self.shape == other.shape and bool(
            np.abs(self.to_lps(self.corners) - other.to_lps(self.corners)).max() <= tolerance_mm
        )

    @property
    def corners(self) -> Floats:
        """Indices (8, 3) of the corner voxels' centres."""
        return np.array(list(itertools.product(*((0, n - 1) for n in self.shape))), dtype=np.float64)

    def crop(self, box: Box) -> Grid:
        """The grid of the voxels in ``box``."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_lps(box.start)
        return Grid(box.shape, affine)

    def box_of(self, part: Grid) -> Box:
        """Where a grid that was cropped out of this one lies in it.

        Raises:
            ValueError: ``part`` is not a crop of this grid.
        """
        start = np.rint(self.to_index(part.origin)).astype(int)
        box = Box(tuple(start.tolist()), tuple((start + part.shape).tolist()))
        if not self.crop(box).same_as(part):
            raise ValueError("that grid was not cropped out of this one: its voxels lie elsewhere")
        return box

    def box_around(self, low_mm: npt.ArrayLike, high_mm: npt.ArrayLike) -> Box:
        """The voxels of this grid that a box aligned with the patient's axes touches, clipped to the grid."""
        ends = np.stack([np.asarray(low_mm, dtype=np.float64), np.asarray(high_mm, dtype=np.float64)])
        corners = np.array([[ends[a, 0], ends[b, 1], ends[c, 2]] for a, b, c in itertools.product((0, 1), repeat=3)])
        index = self.to_index(corners)
        start = np.floor(index.min(axis=0) + 0.5).astype(int)
        stop = np.ceil(index.max(axis=0) + 0.5).astype(int)
        return Box(tuple(start.tolist()), tuple(np.maximum(stop, start).tolist())).clipped(self.shape)

    def resampled(self, spacing: Point) -> Grid:
        """A grid over the same field of view (voxel edges, not centres) with about this spacing."""
        extent = np.asarray(self.shape) * self.spacing
        shape = np.maximum(1, np.rint(extent / spacing)).astype(int)
        affine = self.affine.copy()
        affine[:3, :3] = self.direction * (extent / shape)
        affine[:3, 3] = self.to_lps([-0.5] * 3) + affine[:3, :3] @ np.full(3, 0.5)
        return Grid(tuple(shape.tolist()), affine)

    def closest_lps(self) -> Grid:
        """The same voxels with the array axes put in order x, y, z and made to run to left, back and head."""
        order, sign = self.axes_to_lps()
        affine = np.eye(4)
        start = [0 if s > 0 else n - 1 for s, n in zip(sign, (self.shape[a] for a in order), strict=True)]
        for new, old in enumerate(order):
            affine[:3, new] = sign[new] * self.affine[:3, old]
        first = np.zeros(3)
        first[list(order)] = start
        affine[:3, 3] = self.to_lps(first)
        return Grid((self.shape[order[0]], self.shape[order[1]], self.shape[order[2]]), affine)

    def axes_to_lps(self) -> tuple[Index3, Index3]:
        """Which array axis runs most nearly along x, y and z, and whether forwards (1) or backwards (-1)."""
        cosine = self.direction
        order = max(itertools.permutations(range(3)), key=lambda p: sum(abs(cosine[r, c]) for r, c in enumerate(p)))
        sign = [1 if cosine[r, c] >= 0 else -1 for r, c in enumerate(order)]
        return (order[0], order[1], order[2]), (sign[0], sign[1], sign[2])
