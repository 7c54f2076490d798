"""``train``: the three steps learned in order, from labelled scans or without any."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nodewise.io.folder import read_study
from nodewise.io.whole import make_folder
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
        BadInputError: the data cannot be learned from, a scan is both trained on and held out, there are no such
            devices, or nothing can be written.
    """
    from nodewise.learn.device import check_count, choose_device
    from nodewise.recipes.three_step.train_drawn import train_on_drawn
    from nodewise.recipes.three_step.train_labelled import train_on_labelled

    check_count(choose_device(effort.device), effort.devices)
    given = scans or Backgrounds()
    if data is None:
        if fold is not None:
            raise BadInputError("folds are of labelled scans: name their folder")
        if effort.station_mm != 1.0:
            raise BadInputError("--station-spacing is for labelled scans: leave it out, or name their folder")
        if effort.stations is not None:
            raise BadInputError("--stations is for labelled scans: leave it out, or name their folder")
        if both := {path.resolve() for path in given.training} & {path.resolve() for path in given.held_out}:
            raise BadInputError(f"{min(both)} is both to train on and to validate on: choose one")
        _check_scans(given, progress)
        make_folder(out)
        return (train_on_drawn(out, effort, given, progress),)
    if given != Backgrounds():
        raise BadInputError(
            "implants are for training without labelled scans: leave out the scans, reviews and credits, or the data"
        )
    return train_on_labelled(out, effort, data, fold, progress)


def _check_scans(scans: Backgrounds, progress: OnProgress) -> None:
    """Read every file once: they are needed only after the stations are learned, hours later."""
    from nodewise.phantom.implant import read_reviews

    reviewed = None if scans.reviews is None else set(read_reviews(scans.reviews))
    paths, ids = (*scans.training, *scans.held_out), set()
    for number, path in enumerate(paths, 1):
        ids.add(read_study(path).id)
        progress("reading scans", number, len(paths))
    if reviewed is not None and not reviewed & ids:
        told = "the ids in it are those of assessment.json"
        raise BadInputError(f"{scans.reviews} tells of none of the scans given: {told}")
