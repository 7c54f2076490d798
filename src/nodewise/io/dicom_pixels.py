"""Stored pixel values to Hounsfield units, slice by slice into one array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.io.dicom_decode import PixelFile, Stored
from nodewise.io.dicom_files import SAME_PLACE_MM, Series
from nodewise.io.dicom_header import Slice
from nodewise.io.hounsfield import AIR_HU

Floats32 = npt.NDArray[np.float32]

_TISSUE_HU = (-900.0, 4000.0)
"""A padding value between these would be tissue."""


def read_pixels(series: Series) -> tuple[Floats32, list[Slice], list[str]]:
    """HU of every place in a series, (slice, row, column), the slice that gave each, and what a reader must know.

    Padding and all below −1024 become −1024 (air). Of several slices at one place the first is kept, by acquisition,
    then instance number.

    Raises:
        BadInputError: pixels are damaged or in a transfer syntax that cannot be decoded.
    """
    columns, rows = series.first.shape
    hu = np.empty((series.places, rows, columns), dtype=np.float32)
    kept: list[Slice] = []
    same, different = 0, []
    distances = series.distances
    file = PixelFile(series.first.path)
    doubtful: set[str] = set()
    for number, item in enumerate(series.slices):
        if item.path != file.path:
            file = PixelFile(item.path)
        ends = file.padding
        if ends and not _is_padding(ends, item):
            doubtful.add(f"padding value {ends[0]} would be tissue: it was not taken for padding")
            ends = None
        values = hounsfield(file.pixels(item), item.slope, item.intercept, ends)
        if number == 0 or distances[number] - distances[number - 1] > SAME_PLACE_MM:
            hu[len(kept)] = values
            kept.append(item)
        elif np.array_equal(values, hu[len(kept) - 1]):
            same += 1
        else:
            different.append(f"{distances[number]:.1f}")
    lossy = any(str(s.header.get("LossyImageCompression") or "") == "01" for s in kept)
    told = _told(same, different) + sorted(doubtful)
    return hu, kept, [*told, "the images were compressed with loss"] if lossy else told


def _told(same: int, different: list[str]) -> list[str]:
    told = [f"{same} slice{'s' * (same > 1)} stored twice: the copies were dropped"] if same else []
    if different:
        told.append(
            f"{len(different)} more slice{'s' * (len(different) > 1)} with other pixels at places already filled, "
            f"{', '.join(different[:5])}{' …' * (len(different) > 5)} mm along the normal: "
            "the lowest acquisition, then instance number was kept"
        )
    return told


def hounsfield(stored: Stored, slope: float, intercept: float, ends: tuple[int, int] | None) -> Floats32:
    """HU of stored values; those from one of ``ends`` to the other, and all below −1024 HU, become −1024."""
    hu: Floats32 = np.multiply(stored, np.float32(slope), dtype=np.float32)
    hu += np.float32(intercept)
    np.maximum(hu, AIR_HU, out=hu)
    if ends:
        hu[(stored >= ends[0]) & (stored <= ends[1])] = AIR_HU
    return hu


def _is_padding(ends: tuple[int, int], item: Slice) -> bool:
    low, high = sorted(end * item.slope + item.intercept for end in ends)
    return high <= _TISSUE_HU[0] or low >= _TISSUE_HU[1]
