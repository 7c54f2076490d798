"""A folder of DICOM studies, each with its mask beside: a DICOM SEG, or one NIfTI, NRRD or MetaImage file."""

from __future__ import annotations

from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.table import with_table
from nodewise.datasets.tcia import is_seg
from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_header import is_dicom
from nodewise.io.itk import is_image
from nodewise.values.errors import BadInputError


def is_studies(folder: Path) -> bool:
    """Whether some folder directly inside holds DICOM."""
    inside = (path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))
    return any(any(map(is_dicom, files_under(path))) for path in inside)


def study_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """Each folder that holds DICOM is one case, by its name; ``cases.csv`` beside them may say more.

    Raises:
        BadInputError: a study has no mask, or more than one.
    """
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    studies = {path.name: path for path in inside if any(map(is_dicom, files_under(path)))}
    cases = [LabelledCase(name, name, study, _mask_of(name, study)) for name, study in studies.items()]
    return with_table(folder, cases, what="folder")


def _mask_of(name: str, study: Path) -> Path:
    files = list(files_under(study))
    found = [file for file in files if is_image(file)] or [file for file in files if is_seg(file)]
    if len(found) != 1:
        what = f"{len(found)} masks ({', '.join(file.name for file in found[:4])})" if found else "no mask"
        raise BadInputError(f"{name}: there is {what} beside the CT: one DICOM SEG or image file is wanted")
    return found[0]
