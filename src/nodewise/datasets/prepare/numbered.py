"""Cases under numbers, where the names of files or folders may be those of patients."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nodewise.datasets.case import Dataset, LabelledCase
from nodewise.io.dicom_files import files_under
from nodewise.io.dicom_header import is_dicom


def numbered(dataset: Dataset) -> tuple[Dataset, Mapping[str, str]]:
    """The data set with ``case-0001`` … and ``patient-0001`` … for names, in their order; and each old name by the new.

    Scans whose DICOM headers give one patient ID are one patient, unless ``cases.csv`` says which patient they are of.
    """
    old = sorted({case.name for case in dataset.cases} | {one.name for one in dataset.left_out})
    new = {name: f"case-{number:04d}" for number, name in enumerate(old, 1)}
    whose = _patients(dataset.cases)
    order = {key: f"patient-{number:04d}" for number, key in enumerate(dict.fromkeys(whose.values()), 1)}
    cases = tuple(replace(case, name=new[case.name], patient=order[whose[case.name]]) for case in dataset.cases)
    left_out = tuple(replace(one, name=new[one.name]) for one in dataset.left_out)
    return replace(dataset, cases=cases, left_out=left_out), {fresh: name for name, fresh in new.items()}


def _patients(cases: Sequence[LabelledCase]) -> Mapping[str, str]:
    """A key of the patient by the case's name."""
    told = {case.name: case.patient for case in cases}
    by_header = {case.name: key for case in cases if case.patient == case.name and (key := _key(case))}
    if len(by_header) > 2 and len(set(by_header.values())) == 1:  # one ID for all is no ID
        return told
    return told | by_header


def _key(case: LabelledCase) -> str | None:
    """A digest of the patient ID in the scan's first DICOM file; None where there is none."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    first = next(filter(is_dicom, files_under(case.image)), None) if case.image.is_dir() else None
    if first is None:
        return None
    try:
        header = pydicom.dcmread(first, stop_before_pixels=True, specific_tags=["PatientID"])
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return None
    words = str(header.get("PatientID") or "").strip()
    return f"id {hashlib.sha256(words.encode()).hexdigest()}" if words else None
