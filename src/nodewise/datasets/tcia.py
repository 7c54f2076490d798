"""The tree that The Cancer Imaging Archive's downloader leaves: PATIENT/STUDY/SERIES/*.dcm, wherever it begins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import groupby, islice
from pathlib import Path

from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_header import is_dicom
from nodewise.io.seg import SEGMENTATION_UIDS

_DEEP = 5
_FEW = 4
"""A series of a segmentation is one file; a folder with this many is slices."""


def folders_named(root: Path, pattern: re.Pattern[str]) -> Mapping[str, tuple[Path, ...]]:
    """Every folder below ``root`` whose whole name fits, by name; none is sought inside another, nor hidden."""
    found: dict[str, list[Path]] = {}
    for place, folders, _ in os.walk(root):
        inside = sorted(name for name in folders if not name.startswith("."))
        for name in inside:
            if pattern.fullmatch(name):
                found.setdefault(name, []).append(Path(place, name))
        deep = len(Path(place).relative_to(root).parts) < _DEEP
        folders[:] = [name for name in inside if deep and not pattern.fullmatch(name)]
    return {name: tuple(paths) for name, paths in sorted(found.items())}


def holds_dicom(folder: Path, *, more_than: int = 0) -> bool:
    """Whether some file below is DICOM, or more than so many."""
    return next(islice(filter(is_dicom, files_under(folder)), more_than, None), None) is not None


def segmentations(patient: Path) -> tuple[Path, ...]:
    """Every DICOM SEG of a patient. Folders of many slices are opened only where there is none beside them."""
    series = [list(files) for _, files in groupby(files_under(patient), key=lambda file: file.parent)]
    small = [file for files in series if len(files) < _FEW for file in files]
    large = (file for files in series if len(files) >= _FEW for file in files)
    return tuple(filter(is_seg, small)) or tuple(filter(is_seg, large))


def is_seg(path: Path) -> bool:
    """Whether a file is a DICOM Segmentation object."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return False
    return str(header.get("SOPClassUID", "")) in SEGMENTATION_UIDS
