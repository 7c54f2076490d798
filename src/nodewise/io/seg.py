"""DICOM Segmentation objects (DICOM PS3.3 A.51) as label maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

SEGMENTATION_UIDS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def read_seg(path: Path) -> Volume:
    """Every segment of a BINARY, FRACTIONAL or LABELMAP object as its segment number, on the object's own grid.

    A fractional segment counts from 0.5. Slices that the object leaves out between others are empty.

    Raises:
        BadInputError: not a readable segmentation, its segments overlap, or its frames make no regular volume.
    """
    import highdicom
    from pydicom.errors import InvalidDicomError

    try:
        segmentation = highdicom.seg.segread(path)
        array, affine = _labels(segmentation)
    except (InvalidDicomError, OSError, EOFError) as error:
        raise BadInputError(f"{path.name} is not a readable DICOM file: {_line(error)}") from error
    except (ValueError, RuntimeError, AttributeError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        why = "its segments overlap" if "overlap" in str(error).lower() else _line(error)
        raise BadInputError(f"the segmentation {path.name} cannot be turned into one label map: {why}") from error
    # highdicom's axes are slices, rows, columns; turned round they are columns (x), rows (y), slices
    affine = affine[:, [2, 1, 0, 3]]
    small = np.uint8 if array.max(initial=0) <= 255 else np.uint16
    return Volume(array.T.astype(small, copy=False), Grid(array.T.shape, affine), Quantity.LABEL)


def _labels(segmentation: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    if segmentation.SegmentationType != "FRACTIONAL":
        volume = segmentation.get_volume(combine_segments=True)
        return volume.array, volume.affine
    labels: npt.NDArray[Any] | None = None
    for number in segmentation.segment_numbers:
        volume = segmentation.get_volume(segment_numbers=[number])
        inside = volume.array[..., 0] >= 0.5
        if labels is None:
            labels = np.zeros(inside.shape, dtype=np.uint16)
        if labels[inside].any():
            raise ValueError("overlap")
        labels[inside] = number
    if labels is None:
        raise ValueError("it has no segments")
    return labels, volume.affine


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
