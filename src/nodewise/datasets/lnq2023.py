"""LNQ2023, Mediastinal Lymph Node Quantification: NRRD pairs of the challenge, or DICOM with SEG from the archive.

Of 513 patients 393 (the challenge's training part) are annotated in part, about one node in five; 120 (validation and
test) in full. Source: Dorent et al., LNQ 2023 challenge, MELBA 2025; counts and licence as told by lnqproject.org.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nodewise.datasets.about import About
from nodewise.datasets.case import Annotation, Dataset, LabelledCase, LeftOut
from nodewise.datasets.table import with_table
from nodewise.datasets.tcia import folders_named, holds_dicom, segmentations
from nodewise.values.errors import BadInputError

LAYOUT = "LNQ2023"
ABOUT = About(
    name="lnq2023",
    title="Mediastinal Lymph Node Quantification (LNQ): Segmentation of Heterogeneous CT Data",
    licence="CC BY 4.0",
    url="https://doi.org/10.7937/QVAZ-JA09",
    citation="Idris et al., The Cancer Imaging Archive, 2024, doi:10.7937/QVAZ-JA09",
)
_SCAN = re.compile(r"(lnq2023-(train|val|test)-\d+)-ct\.nrrd", re.IGNORECASE)
_PATIENT = re.compile(r"(case|lnq2023)[-_]\w*\d", re.IGNORECASE)


def is_lnq2023(folder: Path) -> bool:
    """Whether a scan of the challenge lies beside its labels in the folder or in one inside it; labels alone do not."""
    scans = (scan for place in ("*-ct.nrrd", "*/*-ct.nrrd") for scan in folder.glob(place))
    return any(_SCAN.fullmatch(scan.name) and _labels_beside(scan).is_file() for scan in scans)


def lnq2023_dataset(folder: Path) -> Dataset:
    """Every scan that has labels; ``cases.csv`` in the folder may say more, such as which are annotated in full.

    Scans of the parts ``val`` and ``test`` without labels are passed over: they were withheld at first. Whether a
    patient of the archive is annotated in full is not told by its files: each counts as annotated in part.

    Raises:
        BadInputError: there is neither the challenge's nor the archive's tree.
    """
    pairs = list(_pairs(folder)) or list(_patients(folder))
    if not pairs:
        raise BadInputError(
            f"{folder} is not LNQ2023: expected train/lnq2023-train-0001-ct.nrrd and -seg.nrrd, "
            "or a folder for each patient with CT and DICOM SEG"
        )
    cases = [one for one in pairs if isinstance(one, LabelledCase)]
    lost = tuple(one for one in pairs if isinstance(one, LeftOut))
    return Dataset(folder, LAYOUT, with_table(folder, cases, [one.name for one in lost]), lost, ABOUT)


def _pairs(folder: Path) -> Iterator[LabelledCase | LeftOut]:
    for scan in sorted({*folder.glob("*-ct.nrrd"), *folder.glob("*/*-ct.nrrd")}):
        named = _SCAN.fullmatch(scan.name)
        if named is None:
            continue
        name, part = named[1], named[2].lower()
        labels = _labels_beside(scan)
        if labels.is_file():
            annotation: Annotation = "partial" if part == "train" else "full"
            yield LabelledCase(name, name, scan, labels, annotation=annotation)
        elif part == "train":
            yield LeftOut(name, "files", f"has no {labels.name} beside the scan")


def _labels_beside(scan: Path) -> Path:
    return scan.with_name(scan.name.replace("-ct.", "-seg."))


def _patients(folder: Path) -> Iterator[LabelledCase | LeftOut]:
    for name, places in folders_named(folder, _PATIENT).items():
        patient = next((place for place in places if holds_dicom(place)), None)
        if patient is None:
            continue
        found = segmentations(patient)
        if len(found) == 1:
            yield LabelledCase(name, name, patient, found[0], annotation="partial")
        else:
            yield LeftOut(name, "files", f"has {len(found) or 'no'} DICOM SEG beside the CT: one is wanted")
