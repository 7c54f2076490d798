"""Several data sets as one: every case, no name twice, patients kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodewise.datasets.folds import folds
from nodewise.datasets.join import read_datasets
from nodewise.values.errors import BadInputError


def test_data_sets_are_joined_and_keep_how_they_are_annotated(trees, tmp_path: Path) -> None:
    places = [trees.lnq(tmp_path / "lnq"), trees.lynos(tmp_path / "lynos")]
    cases = read_datasets(places)
    assert {case.name: case.annotation for case in cases} == {
        "lnq2023-train-0001": "partial",
        "lnq2023-val-0002": "full",
        "lynos-01": "full",
        "lynos-12": "full",
    }
    assert {len(fold.held_out) for fold in folds(cases, 4)} == {1}
    assert [case.patient for case in read_datasets(places[1:])] == ["lynos-01", "lynos-12"]


def test_patients_of_one_name_are_two_and_cases_of_one_name_are_refused(trees, tmp_path: Path) -> None:
    for place, name in (("one", "a"), ("two", "b")):
        trees.nifti(tmp_path / place / "images" / f"{name}.nii.gz", trees.hu())
        trees.nifti(tmp_path / place / "labels" / f"{name}.nii.gz", trees.drawn())
        (tmp_path / place / "cases.csv").write_text(f"name,patient\n{name},p\n", encoding="utf-8")
    first, second = read_datasets([tmp_path / "one", tmp_path / "two"])
    assert first.patient != second.patient
    with pytest.raises(BadInputError, match="both have a case a: rename one"):
        read_datasets([tmp_path / "one", tmp_path / "one"])
