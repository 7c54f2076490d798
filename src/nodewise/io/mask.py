"""A mask of lymph nodes or of the tumour in whatever format someone already has it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from nodewise.io.archive import unzipped
from nodewise.io.itk import SUFFIXES, is_image, read_labels
from nodewise.io.seg import SEGMENTATION_UIDS, read_seg
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Volume


def read_mask(path: Path) -> Volume:
    """A label map from a NIfTI, NRRD or MetaImage file, a DICOM SEG, or a folder or zip that holds exactly one of them.

    Returns:
        LABEL on the mask's own grid, its axes to left, back and head; which CT voxels those are is not asked here.

    Raises:
        BadInputError: there is none, or more than one, or it cannot be read.
    """
    if not path.exists():
        raise BadInputError(f"there is no file or folder {path}")
    if path.is_dir():
        return _only_mask(path, path)
    if zipfile.is_zipfile(path):
        with unzipped(path) as folder:
            return _only_mask(folder, path)
    if is_image(path):
        return closest_lps(read_labels(path))
    kind = _sop_class(path)
    if kind is None:
        raise BadInputError(f"{path.name} is neither DICOM nor one of {', '.join(SUFFIXES)}")
    if kind not in SEGMENTATION_UIDS:
        from pydicom.uid import UID

        raise BadInputError(f"{path.name} is a {UID(kind).name} object: a DICOM SEG was expected as mask")
    return closest_lps(read_seg(path))


def _only_mask(folder: Path, named: Path) -> Volume:
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    found = [f for f in files if is_image(f) or _sop_class(f) in SEGMENTATION_UIDS]
    if len(found) != 1:
        names = f"several ({', '.join(f.name for f in found[:4])}): name one" if found else "none"
        raise BadInputError(f"one mask was expected in {named}, there are {names}")
    return read_mask(found[0])


def _sop_class(path: Path) -> str | None:
    """The file's SOP Class UID, None where it is not DICOM."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        return str(pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"]).SOPClassUID)
    except (InvalidDicomError, AttributeError, OSError, EOFError, ValueError):
        return None
