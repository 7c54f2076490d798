"""P3's folds: nnU-Net's KFold of five, shuffled with the seed 12345, over patients instead of scans."""

from __future__ import annotations

from collections.abc import Sequence

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.folds import Fold, folds
from nodewise.values.errors import BadInputError

FOLDS, SEED = 5, 12345
ONE_IN = 8  # of so many patients one is kept to choose weights, threshold and diameter by


def paper_folds(cases: Sequence[LabelledCase], count: int = FOLDS) -> tuple[Fold, ...]:
    """The divisions; each patient is held out in exactly one. With one scan a patient they are nnU-Net's own.

    Raises:
        BadInputError: there are fewer patients than folds.
    """
    from sklearn.model_selection import KFold

    patients = sorted({case.patient for case in cases})
    if len(patients) < count:
        few = "1 patient" if len(patients) == 1 else f"{len(patients)} patients"
        raise BadInputError(f"{few} cannot be divided into {count} folds: give {count} or more")
    kept, made = sorted(cases, key=lambda case: case.name), []
    for number, (_, held) in enumerate(KFold(count, shuffle=True, random_state=SEED).split(patients)):
        out = {patients[i] for i in held}
        training = tuple(case for case in kept if case.patient not in out)
        made.append(Fold(number, training, tuple(case for case in kept if case.patient in out)))
    return tuple(made)


def divided(cases: Sequence[LabelledCase], seed: int) -> tuple[tuple[LabelledCase, ...], tuple[LabelledCase, ...]]:
    """To learn from, and one patient in ``ONE_IN`` to choose by, fully annotated ones where there are enough.

    None of fewer patients. A partly annotated scan tells little of what was found rightly.
    """
    full = {case.patient for case in cases} - {case.patient for case in cases if case.annotation == "partial"}
    able = [case for case in cases if case.patient in full]
    among = able if len(full) >= ONE_IN else list(cases)
    if len({case.patient for case in among}) < ONE_IN:
        return tuple(cases), ()
    held = folds(among, ONE_IN, seed)[0].held_out
    names = {case.name for case in held}
    return tuple(case for case in cases if case.name not in names), held
