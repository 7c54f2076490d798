"""A DICOM PET series to a volume of SUVbw on its own grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nodewise.io.dicom_decode import PixelFile
from nodewise.io.dicom_files import Series, files_under, find_series
from nodewise.io.dicom_header import damage_as, whole
from nodewise.io.dicom_stack import stacked
from nodewise.io.suv import suv_factor
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Quantity, Volume

_PET_CLASSES = {"1.2.840.10008.5.1.4.1.1.128"}


def read_pet(folder: Path) -> Volume:
    """The attenuation-corrected axial PET with the most slices under ``folder``, its axes closest to LPS.

    Raises:
        BadInputError: there is none, slices are missing, pixels cannot be read, or SUVbw cannot be computed.
    """
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}")
    series, _ = find_series(files_under(folder))
    fit = [one for one in series if _is_pet(one)]
    if not fit:
        raise BadInputError(f"{folder.name}: no axial PET series of at least 3 slices")
    read = [(one, headers_of(one)) for one in fit]
    best, headers = min(read, key=lambda r: (not _corrected(r[1]), -r[0].places, whole(r[1][0].get("SeriesNumber"))))
    return pet_volume(best, headers, folder.name)


def pet_volume(series: Series, headers: list[Any], where: str) -> Volume:
    """SUVbw of one series.

    Raises:
        BadInputError: as ``read_pet``; also where two slices lie at one place.
    """
    if series.places != len(series.slices):
        raise BadInputError(f"{where}: several PET slices at one place (a dynamic or gated scan): give one frame")
    factor = suv_factor(headers, f"{where}, {series.name}")
    columns, rows = series.first.shape
    suv = np.empty((len(series.slices), rows, columns), np.float32)
    for plane, item in zip(suv, series.slices, strict=True):
        stored = PixelFile(item.path).pixels(item)
        plane[...] = (stored.astype(np.float64) * item.slope + item.intercept) * factor
    low = float(suv.min())
    positions = np.array([item.position for item in series.slices])
    assert series.first.rows is not None
    volume, _ = stacked(suv, positions, series.first.rows, series.first.spacing, allow_gaps=False, where=where)
    # Where slices had to be moved sideways, what lies beyond them was filled with air in HU.
    filled = np.maximum(volume.array, min(low, 0.0))
    return closest_lps(Volume(np.asfortranarray(filled), volume.grid, Quantity.SUV))


def headers_of(series: Series) -> list[Any]:
    """The whole header of every slice's file.

    Raises:
        BadInputError: a file is damaged.
    """
    import pydicom

    headers = []
    for path in dict.fromkeys(item.path for item in series.slices):
        with damage_as(BadInputError(f"{path.name}: a damaged DICOM file; export it again")):
            headers.append(pydicom.dcmread(path, stop_before_pixels=True, force=True))
    return headers


def _is_pet(series: Series) -> bool:
    first = series.first
    if str(first.header.get("SOPClassUID")) not in _PET_CLASSES or first.rows is None or first.position is None:
        return False
    normal = np.cross(first.rows[0], first.rows[1])
    return min(first.spacing) > 0 and series.places >= 3 and int(np.abs(normal).argmax()) == 2


def _corrected(headers: list[Any]) -> bool:
    return "ATTN" in (headers[0].get("CorrectedImage") or ())
