"""Whether numbers can be Hounsfield units."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.values.errors import BadInputError

AIR_HU = -1024.0


def require_hu(array: npt.NDArray[Any], where: str) -> None:
    """Refuse intensities that cannot be a CT of a body in HU.

    A CT of any part of the trunk or neck, however cropped, holds air or lung below −200 HU, and soft tissue near 0.

    Args:
        array: intensities, any shape.
        where: what the message calls the input.

    Raises:
        BadInputError: not finite, never below −200, nothing but air, beyond 16 bits, or shifted by a lost intercept.
    """
    low, high = float(array.min()), float(array.max())
    span = f"{where}: intensities from {low:g} to {high:g} cannot be Hounsfield units"
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadInputError(f"{where}: some intensities are not finite numbers; replace them by -1024 (air)")
    if low > -200:
        raise BadInputError(f"{span}: {_guess(array, low, high)}; give a CT in HU")
    if high > 32767:
        raise BadInputError(f"{span}: they exceed 16 bits (a signed image read as unsigned?); give a CT in HU")
    if high < -200:
        raise BadInputError(f"{span}: nothing but air; give a CT in HU")
    if _intercept_is_lost(array):
        raise BadInputError(f"{span}: soft tissue lies near 1000 (rescale intercept not applied?); give a CT in HU")


def _guess(array: npt.NDArray[Any], low: float, high: float) -> str:
    if low == high:
        return "every voxel is the same"
    if low >= 0 and high <= 255 and np.array_equal(array, np.rint(array)):
        return "a mask, a label map or an 8-bit picture"
    if low >= -1.5 and high <= 1.5:
        return "they look normalised"
    if low >= 0:
        return "an MR, a PET, or a CT without its rescale intercept"
    return "there is no air or lung"


def _intercept_is_lost(array: npt.NDArray[Any]) -> bool:
    """Padding far below, then no air or lung, and tissue near 1000: stored values taken for HU."""
    step = max(1, round((array.size / 1e6) ** (1 / max(array.ndim, 1))))
    sample = array[(slice(None, None, step),) * array.ndim]
    inside = sample[sample > AIR_HU]
    return inside.size > 0 and float((inside <= -200).mean()) < 0.0005 and float(np.percentile(inside, 95)) > 700
