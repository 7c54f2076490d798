"""``train``: the three steps learned in order, from labelled scans or without any."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nodewise.recipes.three_step.effort import Backgrounds, Effort, OnProgress
from nodewise.values.errors import BadInputError


def train(
    out: Path,
    effort: Effort,
    *,
    data: Path | None = None,
    fold: int | Literal["loo"] | None = None,
    scans: Backgrounds | None = None,
    progress: OnProgress = lambda _what, _done, _total: None,
) -> tuple[Path, ...]:
    """Train all three steps; the same command goes on where it was stopped.

    Args:
        out: folder of the run; the model is ``out/model``, or ``out/fold-NN/model`` of each fold.
        effort: see there.
        data: labelled scans, any layout of ``read_dataset``; without them it learns from drawn chests.
        fold: 0 to 4 leaves out a fifth of the patients; ``loo`` leaves out each in turn and trains as often.
        scans: without ``data``, real scans to implant nodes into.
        progress: told what is done, how much of it and of how much.

    Returns:
        The model folders.

    Raises:
        BadInputError: the data cannot be learned from, or a scan is both trained on and held out.
    """
    from nodewise.recipes.three_step.train_drawn import train_on_drawn
    from nodewise.recipes.three_step.train_labelled import train_on_labelled

    if data is None:
        if fold is not None:
            raise BadInputError("folds are of labelled scans: name their folder")
        scans = scans or Backgrounds()
        if both := {path.resolve() for path in scans.training} & {path.resolve() for path in scans.held_out}:
            raise BadInputError(f"{min(both)} is both to train on and to validate on: choose one")
        return (train_on_drawn(out, effort, scans, progress),)
    if scans is not None and (scans.training or scans.held_out):
        raise BadInputError("implants are for training without labelled scans: leave out the backgrounds, or the data")
    return train_on_labelled(out, effort, data, fold, progress)
