"""Volumes as scanners and archives store them: axes in any order and direction, a tilted gantry, a turned patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.values.box import Index3
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

_OUTSIDE = {Quantity.HU: -1024.0}


@dataclass(frozen=True, slots=True)
class Storage:
    """How a volume whose axes are the patient's is stored; the patient stays where they are.

    Attributes:
        order: which of x, y, z each stored axis is; a DICOM series keeps z last.
        backwards: whether the axis along x, y, z runs to the right, front, feet.
        tilt_deg: of the gantry, about x: slices lean while the table moves along z (a sheared grid).
        turn_deg: of all slices, about x, y, z in turn (an oblique grid).
    """

    order: Index3 = (0, 1, 2)
    backwards: tuple[bool, bool, bool] = (False, False, False)
    tilt_deg: float = 0.0
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)


def draw_storage(rng: np.random.Generator, any_order: bool = False) -> Storage:
    """Head first or feet first, supine or, in one of twenty, prone; rarely tilted or oblique.

    Args:
        rng: draws.
        any_order: whether axes may be permuted, as in files other than DICOM.
    """
    prone, down = bool(rng.random() < 0.05), bool(rng.random() < 0.5)
    rare = rng.random()
    tilt = float(rng.uniform(1, 6) * rng.choice((-1, 1))) if rare < 0.05 else 0.0
    turn = rng.uniform(-4, 4, 3) if 0.05 <= rare < 0.12 else np.zeros(3)
    order = rng.permutation(3) if rng.random() < 0.2 and any_order else np.arange(3)
    return Storage(
        order=(int(order[0]), int(order[1]), int(order[2])),
        backwards=(prone, prone, down),
        tilt_deg=tilt,
        turn_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
    )


def stored(volume: Volume, how: Storage) -> Volume:
    """``volume`` as it is stored: an image, its labels and its masks come out on one grid.

    Images are interpolated linearly where slices are tilted or oblique, labels and masks are taken from the nearest
    voxel; fewer slices are left, those that lie within what was scanned.

    Args:
        volume: on a grid whose axes are the patient's.
        how: axes, tilt and turn.
    """
    if how.tilt_deg or any(how.turn_deg):
        volume = _resampled(volume, _leaning(volume.grid, how))
    array, affine = volume.array, volume.grid.affine.copy()
    flips = tuple(slice(None, None, -1 if back else None) for back in how.backwards)
    first = [n - 1 if back else 0 for back, n in zip(how.backwards, array.shape, strict=True)]
    affine[:3, 3] = volume.grid.to_lps(first)
    affine[:3, :3] *= np.where(how.backwards, -1, 1)
    affine[:3, :3] = affine[:3, list(how.order)]
    array = np.asfortranarray(array[flips].transpose(how.order))
    return Volume(array, Grid((array.shape[0], array.shape[1], array.shape[2]), affine), volume.quantity)


def _leaning(grid: Grid, how: Storage) -> Grid:
    """The tilted and turned grid about the same middle, of as many slices as stay within ``grid``."""
    step = np.diag(grid.spacing)
    turned = _rotation(how.turn_deg) @ step
    lean = np.radians(how.tilt_deg)
    turned[:, 1] = _rotation(how.turn_deg) @ (np.array([0, np.cos(lean), np.sin(lean)]) * grid.spacing[1])
    middle = (np.asarray(grid.shape) - 1) / 2
    reach = np.abs(turned[2, :2]) @ middle[:2]  # how far the corners of a slice lie above its middle
    slices = int((middle[2] * step[2, 2] - reach) / turned[2, 2]) * 2 + 1
    count = min(max(slices, 1), grid.shape[2])
    affine = np.eye(4)
    affine[:3, :3] = turned
    affine[:3, 3] = grid.to_lps(middle) - turned @ np.array([middle[0], middle[1], (count - 1) / 2])
    return Grid((grid.shape[0], grid.shape[1], count), affine)


def _rotation(degrees: tuple[float, float, float]) -> Floats:
    """About x, then y, then z."""
    turn = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [k for k in range(3) if k != axis]
        one = np.eye(3)
        one[[a, b], [a, b]] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = one @ turn
    return turn


def _resampled(volume: Volume, grid: Grid) -> Volume:
    to_index = np.linalg.inv(volume.grid.affine) @ grid.affine
    source: npt.NDArray[np.generic] = volume.array
    plain = volume.quantity not in (Quantity.LABEL, Quantity.MASK)
    if source.dtype == np.bool_:
        source = source.view(np.uint8)
    out = ndimage.affine_transform(
        source.T,
        to_index[2::-1, 2::-1],
        to_index[2::-1, 3],
        output_shape=grid.shape[::-1],
        order=1 if plain else 0,
        mode="grid-constant",
        cval=_OUTSIDE.get(volume.quantity, 0.0),
    ).T
    return Volume(out.view(volume.array.dtype), grid, volume.quantity)
