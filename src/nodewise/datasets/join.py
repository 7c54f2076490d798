"""Several data sets as one, as P3 learns from LNQ2023, the NIH's scans and St. Olavs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import read_dataset
from nodewise.values.errors import BadInputError


def read_datasets(folders: Sequence[Path]) -> tuple[LabelledCase, ...]:
    """The cases of every folder, by name. Patients of one name in two folders are two patients.

    Args:
        folders: see ``read_dataset``; of one alone the cases are as it gives them.

    Raises:
        BadInputError: as ``read_dataset``, or two folders have a case of one name.
    """
    found: dict[str, tuple[LabelledCase, Path]] = {}
    for number, folder in enumerate(folders):
        for case in read_dataset(folder).cases:
            if case.name in found:
                raise BadInputError(f"{found[case.name][1]} and {folder} both have a case {case.name}: rename one")
            patient = case.patient if len(folders) == 1 else f"{number} {case.patient}"
            found[case.name] = (replace(case, patient=patient), folder)
    return tuple(found[name][0] for name in sorted(found))
