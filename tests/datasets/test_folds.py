"""Folds by patient: everyone is held out once, nobody is on both sides, and a seed gives the same again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.folds import folds, held_out_by, leave_one_out
from nodewise.values.errors import BadInputError


def cases(*patients: str) -> list[LabelledCase]:
    return [LabelledCase(f"{n:03d}", patient, Path(), Path()) for n, patient in enumerate(patients)]


@given(
    st.lists(st.sampled_from("abcdefghij"), min_size=2, max_size=30).filter(lambda p: len(set(p)) > 1),
    st.integers(2, 10),
    st.integers(0, 5),
)
def test_every_case_is_held_out_once_and_no_patient_is_parted(patients: list[str], count: int, seed: int) -> None:
    given_cases = cases(*patients)
    count = min(count, len(set(patients)))
    made = folds(given_cases, count, seed)
    assert sorted(c.name for fold in made for c in fold.held_out) == [c.name for c in given_cases]
    sizes = [len({c.patient for c in fold.held_out}) for fold in made]
    assert len(made) == count and max(sizes) - min(sizes) <= 1
    for fold in made:
        assert not {c.patient for c in fold.training} & {c.patient for c in fold.held_out}
        assert len(fold.training) + len(fold.held_out) == len(given_cases)
    assert folds(given_cases[::-1], count, seed) == made


def test_another_seed_divides_otherwise() -> None:
    many = cases(*map(str, range(30)))
    assert folds(many, 5, 0) != folds(many, 5, 1)


def test_one_patient_is_left_out_at_a_time() -> None:
    made = leave_one_out(cases("b", "a", "b"))
    assert [[c.name for c in fold.held_out] for fold in made] == [["001"], ["000", "002"]]
    assert [[c.name for c in fold.training] for fold in made] == [["000", "002"], ["001"]]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_folds_that_cannot_be_are_refused(count: int) -> None:
    with pytest.raises(BadInputError, match="2 patients cannot be divided"):
        folds(cases("a", "b"), count)


def test_a_single_patient_cannot_be_left_out() -> None:
    with pytest.raises(BadInputError, match="two are needed"):
        leave_one_out(cases("a", "a"))


def _fold(run: Path, number: int, *names: str) -> Path:
    folder = run / f"fold-{number:02d}"
    folder.mkdir()
    (folder / "held_out.txt").write_text("".join(f"{name}\n" for name in names))
    return folder / "model"


def test_each_scan_has_the_model_that_did_not_see_it(tmp_path: Path) -> None:
    first, second = _fold(tmp_path, 0, "anna", "anna, later"), _fold(tmp_path, 1, "bert")
    assert held_out_by(tmp_path) == {"anna": first, "anna, later": first, "bert": second}


def test_what_is_no_run_of_folds_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no folds: nodewise train"):
        held_out_by(tmp_path)
    for number in (0, 1):
        _fold(tmp_path, number, "anna")
    with pytest.raises(BadInputError, match="anna was held out by fold-00 and fold-01"):
        held_out_by(tmp_path)
