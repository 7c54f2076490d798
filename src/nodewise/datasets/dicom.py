"""A folder of DICOM studies, each with its mask beside: a DICOM SEG, or one NIfTI, NRRD or MetaImage file."""

from __future__ import annotations

from pathlib import Path

from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.table import with_table
from nodewise.datasets.tcia import is_seg
from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_header import is_dicom
from nodewise.io.itk import is_image


def is_studies(folder: Path) -> bool:
    """Whether some folder directly inside holds DICOM."""
    return bool(studies_in(folder))


def studies_in(folder: Path) -> dict[str, Path]:
    """Every folder directly inside that holds DICOM, by its name."""
    inside = (path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))
    return {path.name: path for path in inside if any(map(is_dicom, files_under(path)))}


def study_dataset(folder: Path) -> Dataset:
    """Each folder that holds DICOM is one case, by its name; ``cases.csv`` beside them may say more.

    What has no mask, or more than one, is left out.

    Raises:
        BadInputError: ``cases.csv`` cannot be understood.
    """
    cases, lost = [], []
    for name, study in studies_in(folder).items():
        files = list(files_under(study))
        found = [file for file in files if is_image(file)] or [file for file in files if is_seg(file)]
        if len(found) == 1:
            cases.append(LabelledCase(name, name, study, found[0]))
        else:
            many = f"{len(found)} masks" if found else "no mask"
            why = f"has {many} beside the CT: one DICOM SEG or image file is wanted"
            lost.append(LeftOut(name, "files", why))
    told = with_table(folder, cases, [one.name for one in lost], what="folder")
    return Dataset(folder, "DICOM", told, tuple(lost))
