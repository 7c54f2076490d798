"""Which patients a model may learn from and which it is measured on; P1 leaves one out at a time (our reading)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def held_out_by(run: Path) -> Mapping[str, Path]:
    """The model folder of the fold that held a scan out, by the scan's name.

    Args:
        run: what ``nodewise train DATA -o RUN --fold …`` leaves: ``fold-NN/held_out.txt`` and ``fold-NN/model``.

    Raises:
        BadInputError: there are no folds, or two of them held out one scan.
    """
    files = sorted(run.glob("fold-*/held_out.txt"))
    if not files:
        raise BadInputError(f"{run} holds no folds: nodewise train three_step DATA -o {run} --fold loo makes them")
    found: dict[str, Path] = {}
    for path in files:
        for name in path.read_text(encoding="utf-8").splitlines():
            if name in found:
                folds = f"{found[name].parent.name} and {path.parent.name}"
                raise BadInputError(f"{run}: {name} was held out by {folds}: give folds of one run, of one seed")
            found[name] = path.parent / "model"
    return found
