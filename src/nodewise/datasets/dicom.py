"""A folder of DICOM studies, each with its mask beside: a DICOM SEG, or one NIfTI, NRRD or MetaImage file."""

from __future__ import annotations

from pathlib import Path

from nodewise.datasets.case import Facts, LabelledCase
from nodewise.datasets.table import TABLE_FILE, read_table
from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_header import is_dicom
from nodewise.io.itk import is_image
from nodewise.io.seg import SEGMENTATION_UIDS
from nodewise.values.errors import BadInputError


def is_studies(folder: Path) -> bool:
    """Whether some folder directly inside holds DICOM."""
    return bool(studies_in(folder))


def studies_in(folder: Path) -> dict[str, Path]:
    """Every folder directly inside that holds DICOM, by its name."""
    inside = (path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith("."))
    return {path.name: path for path in inside if any(map(is_dicom, files_under(path)))}


def study_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """Each folder that holds DICOM is one case, by its name; ``cases.csv`` beside them may say more.

    Raises:
        BadInputError: a study has no mask, or more than one.
    """
    told, studies = read_table(folder), studies_in(folder)
    strange = sorted(told.keys() - studies.keys())
    if strange:
        raise BadInputError(f"{folder / TABLE_FILE} names {strange[0]}, of which there is no folder")
    return tuple(
        LabelledCase(
            name=name,
            patient=(facts := told.get(name, Facts())).patient or name,
            image=study,
            nodes=_mask_of(name, study),
            histology=facts.histology,
            primary=facts.primary,
            annotation=facts.annotation,
        )
        for name, study in studies.items()
    )


def _mask_of(name: str, study: Path) -> Path:
    files = list(files_under(study))
    found = [file for file in files if is_image(file)] or [file for file in files if _is_seg(file)]
    if len(found) != 1:
        what = f"{len(found)} masks ({', '.join(file.name for file in found[:4])})" if found else "no mask"
        raise BadInputError(f"{name}: there is {what} beside the CT: one DICOM SEG or image file is wanted")
    return found[0]


def _is_seg(path: Path) -> bool:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return False
    return str(header.get("SOPClassUID", "")) in SEGMENTATION_UIDS
