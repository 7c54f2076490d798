"""Step 3 learned from drawn patients: of their nodes only the histology of the stations that were resected."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from nodewise.recipes.three_step.effort import OnProgress, Run
from nodewise.recipes.three_step.malignancy import BUNDLED, Learned, train_malignancy
from nodewise.recipes.three_step.node_bank import node_bank
from nodewise.recipes.three_step.station_cases import PhantomCase

PATIENTS, HELD_OUT = 600, 120


def train_on_drawn_nodes(run: Run, progress: OnProgress) -> Learned:
    """Draw patients, ``PATIENTS`` to learn from and ``HELD_OUT`` to calibrate on, and train; goes on where stopped."""
    count = PATIENTS + HELD_OUT
    told = partial(progress, "drawing nodes")
    bank = node_bank(run.out / "bank", count, run.seed, progress=lambda done: told(done, count))
    cases = [PhantomCase.of(path) for path in bank]
    return train_malignancy(
        cases[:PATIENTS],
        cases[PATIENTS:],
        run.out / "fit",
        schedule=replace(BUNDLED, steps=run.steps),
        seed=run.seed,
        device=run.device,
        progress=lambda step: progress("malignancy", step, run.steps),
    )
