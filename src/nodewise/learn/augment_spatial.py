"""Random changes of where a patch is taken: turned, scaled, bent, moved and mirrored, all in millimetres.

Left and right. Labels follow the anatomy. A rotation, by 180° too, only lays the patient down otherwise: what was the
patient's left stays it, wherever it now lies in the array. A mirror image is another patient, whose left is the
first one's right; so sided labels swap exactly when the transform mirrors, that is when its determinant is negative:
for one flip or three, along any axis, and never for two. (A flip from front to back alone turns left into right as
one from side to side does: of the two, a half turn is made, which changes neither.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
NEVER_FOLDS = 0.4  # of the knots' distance: cubic B-splines are one to one up to 1/2.48 (Choi & Lee, CVIU 2000)
_QUARTER_TURNS = ((0, -1), (1, 0)), ((-1, 0), (0, -1)), ((0, 1), (-1, 0))


@dataclass(frozen=True, slots=True)
class Spatial:
    """Probabilities and limits of a random transform; nothing happens by default.

    Attributes:
        rotation: probability. rotation_deg: largest angle about x, y and z; in 2-D the last counts.
        scaling: probability. magnification: between these, log-evenly, the same along every axis.
        elastic: probability. elastic_mm: largest displacement along each axis of knots ``knots_mm`` apart, between
            which cubic B-splines run (Rueckert et al., IEEE TMI 1999).
        shift: probability. shift_mm: largest along each axis, made in whole voxels.
        flips: probability of a mirroring along each axis.
        turns: probability of a turn by 90, 180 or 270°, in the plane of x and y.

    Raises:
        ValueError: the deformation could fold, or a limit makes no sense.
    """

    rotation: float = 0.0
    rotation_deg: tuple[float, float, float] = (30.0, 30.0, 30.0)
    scaling: float = 0.0
    magnification: tuple[float, float] = (0.7, 1.4)
    elastic: float = 0.0
    elastic_mm: float = 8.0
    knots_mm: float = 32.0
    shift: float = 0.0
    shift_mm: float = 10.0
    flips: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turns: float = 0.0

    def __post_init__(self) -> None:
        chances = (self.rotation, self.scaling, self.elastic, self.shift, self.turns, *self.flips)
        if not all(0 <= p <= 1 for p in chances):
            raise ValueError(f"probabilities lie between 0 and 1: {chances}")
        if not 0 < self.magnification[0] <= self.magnification[1]:
            raise ValueError(f"magnification between {self.magnification}: give two positive numbers that rise")
        if self.elastic_mm > NEVER_FOLDS * self.knots_mm:
            raise ValueError(f"knots {self.knots_mm} mm apart moved by {self.elastic_mm} mm fold: at most 0.4 of that")

    @property
    def mirrors(self) -> bool:
        """Whether left may become right."""
        return any(self.flips)

    def unmirrored(self) -> Spatial:
        """The same without flips, for labels whose sides have no names to swap."""
        return replace(self, flips=(0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """From a place in a patch to its place in the source, each in mm from its own centre.

    Attributes:
        matrix: (d, d).
        shift_mm: (d,), added last, rounded to whole voxels when used.
        knots: (d, …) displacements in mm of knots ``knots_mm`` apart, the first one before the patch's first voxel;
            None for no deformation. Added before the matrix.
    """

    matrix: Matrix
    shift_mm: Matrix
    knots: Matrix | None = None
    knots_mm: float = 1.0

    @property
    def mirrored(self) -> bool:
        """Whether the patch shows a mirror image, so that sided labels swap."""
        return bool(np.linalg.det(self.matrix) < 0)


def identity(dimension: int) -> Transform:
    """The transform that changes nothing."""
    return Transform(np.eye(dimension), np.zeros(dimension))


def draw_transform(
    limits: Spatial, patch: Sequence[int], spacing: Sequence[float], rng: np.random.Generator
) -> Transform:
    """A transform within the limits.

    Args:
        limits: what may happen.
        patch: its voxels along each of 2 or 3 axes.
        spacing: mm, of patch and source.
        rng: the same state draws the same transform.
    """
    d = len(patch)
    matrix = np.diag([-1.0 if rng.random() < p else 1.0 for p in limits.flips[:d]])
    if rng.random() < limits.turns:
        turn = np.eye(d)
        turn[:2, :2] = _QUARTER_TURNS[int(rng.integers(3))]
        matrix = turn @ matrix
    if rng.random() < limits.rotation:
        matrix = _rotation([math.radians(rng.uniform(-a, a)) for a in limits.rotation_deg], d) @ matrix
    if rng.random() < limits.scaling:
        matrix = matrix / math.exp(rng.uniform(*np.log(limits.magnification)))
    shift, knots = np.zeros(d), None
    if rng.random() < limits.shift:
        shift = rng.uniform(-limits.shift_mm, limits.shift_mm, d)
    if rng.random() < limits.elastic:
        counts = [math.floor((n - 1) * s / limits.knots_mm) + 4 for n, s in zip(patch, spacing, strict=True)]
        knots = rng.uniform(-limits.elastic_mm, limits.elastic_mm, (d, *counts))
    return Transform(matrix, shift, knots, limits.knots_mm)


def _rotation(angles: Sequence[float], dimension: int) -> Matrix:
    """About x, then y, then z; in 2-D about z alone."""
    total = np.eye(dimension)
    for axis, angle in enumerate(angles):
        a, b = ((1, 2), (2, 0), (0, 1))[axis]
        if max(a, b) >= dimension:
            continue
        turn = np.eye(dimension)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[b, a] = math.sin(angle)
        turn[a, b] = -turn[b, a]
        total = turn @ total
    return total
