"""P3's similarity and affine registration of masks, by SimpleITK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nodewise.anatomy.registration.structures import Channels
from nodewise.values.grid import Floats, Grid, Point

if TYPE_CHECKING:
    import SimpleITK

ITERATIONS = 100
GRID_MM = 4.0
SHRINK = (4, 2, 1)  # 16, 8 and 4 mm, as 8, 4 and 2 of P3's grid of 2 mm
SMOOTHING_MM = (4.0, 2.0, 1.0)
MASK_SIGMA_MM = 2.0
SHARE = (1.0, 0.5, 0.2)
"""Of the voxels, so many are looked at on each level; P3 looks at all, in longer time."""
SEED = 1


def similarity(
    fixed: Channels, fixed_grid: Grid, moving: Channels, moving_grid: Grid, start: tuple[Point, Point] | None
) -> Floats:
    """The best rotation, shift and one scale, 4×4, from LPS mm of ``fixed`` to those of ``moving``.

    Args:
        fixed: mask (nx, ny, nz), 0 to 1, of 4 mm voxels.
        fixed_grid: its grid, along any axes, not sheared.
        moving: the other mask.
        moving_grid: its grid.
        start: a point in both to begin at; the middles of both grids where None (ITK's GEOMETRY).
    """
    import SimpleITK as sitk  # noqa: N813

    a, b = _image(fixed, fixed_grid), _image(moving, moving_grid)
    mode = sitk.CenteredTransformInitializerFilter.GEOMETRY
    first = sitk.Similarity3DTransform(sitk.CenteredTransformInitializer(a, b, sitk.Similarity3DTransform(), mode))
    if start is not None:
        centre, shift = start[0], np.subtract(start[1], start[0])
        first.SetCenter(centre)
        first.SetTranslation(shift.tolist())
    _optimise(a, b, first, rate=1.0, longest_mm=None)
    return _matrix(first)


def affine(fixed: Channels, fixed_grid: Grid, moving: Channels, moving_grid: Grid, before: Floats) -> Floats:
    """The best affine map after ``before``, composed with it; ``before`` alone where it ends turned or collapsed."""
    import SimpleITK as sitk  # noqa: N813

    a, b = _image(fixed, fixed_grid), _image(moving, moving_grid)
    given = sitk.AffineTransform(before[:3, :3].ravel().tolist(), before[:3, 3].tolist())
    given.SetCenter((0.0, 0.0, 0.0))
    moved = sitk.AffineTransform(3)
    middle = fixed_grid.to_lps((np.array(fixed_grid.shape) - 1) / 2)
    moved.SetCenter(middle.tolist())
    _optimise(a, b, moved, rate=0.1, longest_mm=0.5, before=given)
    found = before @ _matrix(moved)
    stretch = np.linalg.svd(found[:3, :3], compute_uv=False)
    sound = np.linalg.det(found[:3, :3]) > 0 and stretch.min() > 0.5 and stretch.max() < 2.0
    return found if sound else before


def _optimise(
    fixed: SimpleITK.Image,
    moving: SimpleITK.Image,
    transform: SimpleITK.Transform,
    *,
    rate: float,
    longest_mm: float | None,
    before: SimpleITK.Transform | None = None,
) -> None:
    """Gradient descent on the normalised correlation; ``transform`` is changed, and comes before ``before``."""
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(SHARE, SEED)
    method.SetShrinkFactorsPerLevel(SHRINK)
    method.SetSmoothingSigmasPerLevel(SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetOptimizerAsGradientDescent(
        rate,
        ITERATIONS,
        convergenceMinimumValue=1e-6,
        convergenceWindowSize=10,
        maximumStepSizeInPhysicalUnits=longest_mm or 0.0,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    if before is not None:
        method.SetMovingInitialTransform(before)
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)


def _image(mask: Channels, grid: Grid) -> SimpleITK.Image:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(mask.T))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    return sitk.SmoothingRecursiveGaussian(image, MASK_SIGMA_MM)


def _matrix(transform: SimpleITK.Transform) -> Floats:
    """4×4 of an ITK transform with a centre: y = M (x − c) + c + t."""
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    out = np.eye(4)
    out[:3, :3] = matrix
    out[:3, 3] = centre + shift - matrix @ centre
    return out
