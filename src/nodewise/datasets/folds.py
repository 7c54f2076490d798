"""Which patients a model may learn from and which it is measured on; P1 leaves one out at a time (our reading)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.values.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of a data set; no patient is in both parts."""

    number: int
    training: tuple[LabelledCase, ...]
    held_out: tuple[LabelledCase, ...]


def folds(cases: Sequence[LabelledCase], count: int, seed: int = 0) -> tuple[Fold, ...]:
    """``count`` divisions; each patient is held out in exactly one of them.

    Args:
        cases: in any order, the folds do not depend on it.
        count: from 2 to the number of patients, whose numbers in two folds differ by at most one.
        seed: draws who goes where.

    Raises:
        BadInputError: there are fewer patients than folds, or fewer folds than two.
    """
    patients = sorted({case.patient for case in cases})
    if not 2 <= count <= len(patients):
        raise BadInputError(f"{len(patients)} patients cannot be divided into {count} folds: give 2 to {len(patients)}")
    order = np.random.default_rng(seed).permutation(len(patients)).tolist()
    number = {patients[place]: rank % count for rank, place in enumerate(order)}
    kept = sorted(cases, key=lambda case: case.name)
    return tuple(
        Fold(
            n,
            tuple(case for case in kept if number[case.patient] != n),
            tuple(case for case in kept if number[case.patient] == n),
        )
        for n in range(count)
    )


def leave_one_out(cases: Sequence[LabelledCase]) -> tuple[Fold, ...]:
    """One fold a patient, in the order of their names.

    Raises:
        BadInputError: there are fewer than two patients.
    """
    patients = sorted({case.patient for case in cases})
    if len(patients) < 2:
        raise BadInputError(f"{len(patients)} patient cannot be left out and learned from too: two are needed")
    kept = sorted(cases, key=lambda case: case.name)
    return tuple(
        Fold(n, tuple(c for c in kept if c.patient != patient), tuple(c for c in kept if c.patient == patient))
        for n, patient in enumerate(patients)
    )
