"""``train``: P3's network from labelled scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodewise.recipes.atlas_prior.effort import Effort, OnProgress
    from nodewise.recipes.atlas_prior.material import Reader


def train(
    out: Path,
    effort: Effort,
    data: Path,
    *,
    fold: int | None = None,
    reader: Reader | None = None,
    progress: OnProgress = lambda _what, _done, _total: None,
) -> tuple[Path, ...]:
    """Train on all of ``data``, or leave one fold out; the same command goes on where it was stopped.

    Args:
        out: folder of the run; the model is ``out/model``, or ``out/fold-NN/model``.
        effort: see there.
        data: labelled scans, any layout of ``read_dataset``.
        fold: 0 to 4 leaves out a fifth of the patients, see ``paper_folds``.
        reader: of the anatomy; the landmarks' unless given.
        progress: told what is done, how much of it and of how much.

    Returns:
        The model folders.

    Raises:
        BadInputError: the data cannot be learned from, there are no such devices, or nothing can be written.
    """
    from nodewise.learn.device import check_count, choose_device
    from nodewise.recipes.atlas_prior.material import LANDMARKS
    from nodewise.recipes.atlas_prior.train_labelled import train_on_labelled

    check_count(choose_device(effort.device), effort.devices)
    return train_on_labelled(out, effort, data, fold, reader or LANDMARKS, progress)
