"""Step 3 learned from drawn patients: of their nodes only the histology of the stations that were resected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from nodewise.recipes.three_step.effort import OnProgress, Run
from nodewise.recipes.three_step.malignancy import BUNDLED, Curve, Learned, Rule, train_malignancy
from nodewise.recipes.three_step.node_bank import body_of, node_bank
from nodewise.recipes.three_step.station_cases import PhantomCase

PATIENTS, HELD_OUT = 1600, 200


def train_on_drawn_nodes(
    run: Run, progress: OnProgress, rule: Rule = BUNDLED.rule, calibrate: Curve = "temperature"
) -> Learned:
    """Draw patients, ``PATIENTS`` to learn from and ``HELD_OUT`` to calibrate on, and train; goes on where stopped.

    Those at the border, who share a body with one to learn from, are left out.
    """
    count = PATIENTS + HELD_OUT
    told = partial(progress, "drawing nodes")
    bank = node_bank(run.out / "bank", count, run.seed, progress=lambda done: told(done, count))
    learned, others = apart(bank, PATIENTS)
    return train_malignancy(
        [PhantomCase.of(path) for path in learned],
        [PhantomCase.of(path) for path in others],
        run,
        schedule=replace(BUNDLED, rule=rule),
        calibrate=calibrate,
        progress=lambda step: progress("malignancy", step, run.steps),
    )


def apart(bank: Sequence[Path], count: int) -> tuple[list[Path], list[Path]]:
    """The first ``count`` patients of a node bank, and of the others those who share no body with them."""
    bodies = {body_of(path) for path in bank[:count]}
    return list(bank[:count]), [path for path in bank[count:] if body_of(path) not in bodies]
