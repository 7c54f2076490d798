"""A stack of slices as stored to one volume on an even, unsheared grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from nodewise.io.hounsfield import AIR_HU
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

Floats32 = npt.NDArray[np.float32]

_EVEN = 0.05
"""Slices within this share of the spacing of an even grid, or within 0.1 mm (positions are rounded), lie on it."""
_STRAIGHT = 0.25
"""Slices within this share of a pixel from a straight stack are taken to lie in it."""
_MISSING = 1.75
"""Intervals above this multiple of the spacing lack a slice, unless the spacing changes there for good."""


def stacked(
    hu: Floats32, positions: Floats, rows: Floats, spacing: tuple[float, float], *, allow_gaps: bool, where: str
) -> tuple[Volume, list[str]]:
    """The volume of a stack sorted along its normal; its axes run along rows, down columns and along the normal.

    A stack that is even and straight is not copied. A tilted gantry's slices are moved in their own plane onto a
    straight grid that holds all of them; uneven slices are interpolated linearly between neighbours.

    Args:
        hu: (slice, row, column).
        positions: (slice, 3), LPS mm of the first pixels.
        rows: unit vectors (2, 3) along a row and down a column.
        spacing: mm between pixels along a row, down a column.
        allow_gaps: interpolate where slices are missing instead of refusing.
        where: what messages call the input.

    Raises:
        BadInputError: slices are missing, or lie beside rather than above each other.
    """
    frame = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
    frame[1] = np.cross(frame[2] / np.linalg.norm(frame[2]), frame[0])
    frame[2] = np.cross(frame[0], frame[1])
    along = (positions - positions[0]) @ frame.T
    hu, corner, warnings = _straightened(hu, along, spacing, where)
    hu, step, told = _evened(hu, along[:, 2], _heights(positions, frame[2]), allow_gaps, where)
    affine = np.eye(4)
    affine[:3, :3] = frame.T * (*spacing, step)
    affine[:3, 3] = positions[0] + corner @ frame[:2]
    return Volume(hu.T, Grid(hu.T.shape, affine), Quantity.HU), warnings + told


def _heights(positions: Floats, normal: Floats) -> Floats:
    """Where messages say a slice lies: z for an axial stack, as scanners print it."""
    return np.asarray(positions[:, 2] if abs(normal[2]) > 0.7 else positions @ normal)


def _straightened(
    hu: Floats32, along: Floats, spacing: tuple[float, float], where: str
) -> tuple[Floats32, Floats, list[str]]:
    """Slices moved in-plane, linearly interpolated, to where they lie; mm from slice 0's corner to the new corner."""
    from scipy.ndimage import shift

    pixels = along[:, :2] / spacing
    if np.abs(pixels).max() <= _STRAIGHT:
        return hu, np.zeros(2), []
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    extra = np.ceil(high - low - 1e-6).astype(int)
    if (extra > hu.shape[:0:-1]).any():
        raise BadInputError(f"{where}: slices lie up to {_reach(along):.0f} mm beside each other: not one volume")
    out = np.full((len(hu), hu.shape[1] + extra[1], hu.shape[2] + extra[0]), AIR_HU, dtype=np.float32)
    for source, target, offset in zip(hu, out, pixels - low, strict=True):
        target[: source.shape[0], : source.shape[1]] = source
        shift(target.copy(), offset[::-1], output=target, order=1, mode="constant", cval=AIR_HU)
    slope = np.polyfit(along[:, 2], along[:, :2], 1)[0]
    angle = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    told = f"gantry tilt of {angle:.1f}°: slices were moved in their plane by up to {_reach(along):.1f} mm"
    return out, low * spacing, [f"{told} onto a straight grid"]


def _reach(along: Floats) -> float:
    return float(np.linalg.norm(along[:, :2], axis=1).max())


def _evened(
    hu: Floats32, depth: Floats, heights: Floats, allow_gaps: bool, where: str
) -> tuple[Floats32, float, list[str]]:
    """Slices interpolated onto even depths, the step in mm, and what was done."""
    count = len(depth)
    step = depth[-1] / (count - 1)
    if np.abs(depth - step * np.arange(count)).max() <= min(max(_EVEN * step, 0.1), 0.25 * step) + 1e-6:
        return hu, float(step), []
    intervals = np.diff(depth)
    usual = float(np.quantile(intervals, 0.5, method="lower"))
    gaps = _gaps(intervals, usual)
    told = ", ".join(f"{heights[i]:.1f} and {heights[i + 1]:.1f} mm" for i in gaps[:5]) + " …" * (len(gaps) > 5)
    if gaps and not allow_gaps:
        raise BadInputError(
            f"{where}: slices are missing between {told} (spacing {usual:.2f} mm); "
            "find them, or interpolate there (--allow-gaps)"
        )
    number = max(2, round(depth[-1] / usual) + 1)
    step = depth[-1] / (number - 1)
    warnings = [f"slices were missing between {told}: interpolated there"] if gaps else []
    others = np.delete(intervals, gaps)
    if np.ptp(others) > 2 * _EVEN * usual:
        warnings.append(
            f"uneven slice spacing, {others.min():.2f} to {others.max():.2f} mm: interpolated to {step:.2f} mm"
        )
    return _interpolated(hu, depth, step * np.arange(number)), float(step), warnings


def _gaps(intervals: Floats, usual: float) -> list[int]:
    """Intervals that lack a slice: too long, and not one of three or more alike in a row (another spacing there)."""
    gaps: list[int] = []
    start = 0
    for _, run in groupby(np.rint(intervals / (0.1 * usual)).tolist()):
        length = len(list(run))
        if length < 3 and intervals[start] > _MISSING * usual:
            gaps += range(start, start + length)
        start += length
    return gaps


def _interpolated(hu: Floats32, depth: Floats, wanted: Sequence[float] | Floats) -> Floats32:
    out = np.empty((len(wanted), *hu.shape[1:]), dtype=np.float32)
    for number, place in enumerate(wanted):
        above = int(np.clip(np.searchsorted(depth, place), 1, len(depth) - 1))
        share = np.float32(np.clip((place - depth[above - 1]) / (depth[above] - depth[above - 1]), 0, 1))
        np.multiply(hu[above - 1], 1 - share, out=out[number])
        out[number] += share * hu[above]
    return out
