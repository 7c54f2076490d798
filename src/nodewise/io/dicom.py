"""DICOM files to a Study: the axial CT with the most slices, in HU, with what a result must refer to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nodewise.io.dicom_choose import CT_CLASSES, choose
from nodewise.io.dicom_facts import facts_of
from nodewise.io.dicom_files import find_series
from nodewise.io.dicom_header import Slice, number
from nodewise.io.dicom_pixels import read_pixels
from nodewise.io.dicom_stack import stacked
from nodewise.io.hounsfield import require_hu
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps
from nodewise.values.study import Source, Study


def read_dicom(paths: Iterable[Path], where: str, *, allow_gaps: bool = False) -> Study:
    """The CT among DICOM files, headers first, pixels of the chosen series only.

    ``source.native`` runs along rows, down columns and along the slices' normal; where slices had to be moved or
    interpolated it is the grid they were moved to, so results can always be turned onto it without resampling.

    Args:
        paths: files of one study, DICOM or not.
        where: what messages call them.
        allow_gaps: interpolate where slices are missing instead of refusing.

    Raises:
        BadInputError: no axial CT, slices missing, pixels that cannot be decoded or that are not HU.
    """
    series, notes = find_series(paths)
    if not series:
        raise BadInputError(f"{where}: no readable DICOM file{': ' + ', '.join(notes) if notes else ''}")
    best, left_out = choose(series, where)
    hu, kept, warnings = read_pixels(best)
    require_hu(hu, where)
    first = kept[0]
    assert first.rows is not None
    positions = np.array([item.position for item in kept])
    ct, told = stacked(hu, positions, first.rows, first.spacing, allow_gaps=allow_gaps, where=where)
    source = Source(
        native=ct.grid,
        facts=MappingProxyType(facts_of(first, ct.grid)),
        uids=MappingProxyType(_uids(first)),
        left_out=tuple(left_out + notes),
        warnings=tuple(told + warnings + _uncovered(first, ct.grid)),
    )
    return Study(hashlib.sha256(first.uid.encode()).hexdigest()[:16], closest_lps(ct), source)


def _uncovered(first: Slice, grid: Grid) -> list[str]:
    thickness = number(first.get("PixelMeasuresSequence", "SliceThickness"), 0.0)
    if not 0 < thickness < 0.5 * grid.spacing[2]:
        return []
    return [f"slices {thickness:g} mm thick every {grid.spacing[2]:.1f} mm: what lies between them was not imaged"]


def _uids(first: Slice) -> dict[str, str]:
    names = {
        "study": "StudyInstanceUID",
        "series": "SeriesInstanceUID",
        "frame_of_reference": "FrameOfReferenceUID",
        "sop_class": "SOPClassUID",
    }
    found = {ours: str(first.header.get(theirs) or "") for ours, theirs in names.items()}
    assert not found["sop_class"] or found["sop_class"] in CT_CLASSES
    return {ours: uid for ours, uid in found.items() if uid}
