"""``train``: P3's network from labelled scans, by folds or on all of them; semi-supervised afterwards where asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import read_dataset
from nodewise.io.whole import make_folder
from nodewise.learn.case_cache import CachedCase
from nodewise.recipes.atlas_prior.effort import Effort, OnProgress
from nodewise.recipes.atlas_prior.learn import train_prior
from nodewise.recipes.atlas_prior.material import LANDMARKS, Gathered, Reader, gather
from nodewise.recipes.atlas_prior.save import Made, save_prior
from nodewise.recipes.atlas_prior.split import FOLDS, divided, paper_folds
from nodewise.values.errors import BadInputError


def train(
    out: Path,
    effort: Effort,
    data: Path,
    *,
    fold: int | None = None,
    reader: Reader = LANDMARKS,
    progress: OnProgress = lambda _what, _done, _total: None,
) -> tuple[Path, ...]:
    """Train on all of ``data``, or leave one fold out; the same command goes on where it was stopped.

    Args:
        out: folder of the run; the model is ``out/model``, or ``out/fold-NN/model``.
        effort: see there.
        data: labelled scans, any layout of ``read_dataset``.
        fold: 0 to 4 leaves out a fifth of the patients, see ``paper_folds``.
        reader: of the anatomy.
        progress: told what is done, how much of it and of how much.

    Returns:
        The model folders.

    Raises:
        BadInputError: the data cannot be learned from, there are no such devices, or nothing can be written.
    """
    from nodewise.learn.device import check_count, choose_device

    check_count(choose_device(effort.device), effort.devices)
    dataset, cache = read_dataset(data), out / "cache"
    if fold is None:
        make_folder(out)
        return (_train(out, cache, effort, data, dataset.cases, "", reader, progress),)
    if not 0 <= fold < FOLDS:
        raise BadInputError(f"there is no fold {fold}: give 0 to {FOLDS - 1}")
    one = paper_folds(dataset.cases)[fold]
    inside = out / f"fold-{one.number:02d}"
    make_folder(inside)
    (inside / "held_out.txt").write_text("".join(f"{case.name}\n" for case in one.held_out), encoding="utf-8")
    return (_train(inside, cache, effort, data, one.training, f" --fold {fold}", reader, progress),)


def _train(
    out: Path,
    cache: Path,
    effort: Effort,
    data: Path,
    cases: Sequence[LabelledCase],
    words: str,
    reader: Reader,
    progress: OnProgress,
) -> Path:
    training, validating = divided(cases, effort.seed)
    gathered = gather(training, validating, cache, effort, progress, reader)
    run = effort.run(out / "fit")
    trained = train_prior(gathered.material, effort.way, run, lambda now: progress("nodes", now.step, run.steps))
    if effort.semi is not None:
        from nodewise.recipes.atlas_prior.semi import train_semi

        more = effort.run(out / f"fit-{effort.semi}")
        trained = train_semi(
            gathered.material,
            effort.way,
            more,
            trained,
            effort.semi,
            lambda now: progress(f"semi-supervised {effort.semi}", now.step, more.steps),
        )
    made = Made(
        name=name_of(data, out.name if words else ""),
        trained_on=told(cases),
        held_out=f"{len(validating)} scans of patients who were not trained on" if validating else "",
        fingerprint=fingerprint(gathered),
        command=f"nodewise train atlas_prior DATA {effort.command}{words}",
        seed=effort.seed,
        figures=trained.figures,
    )
    weights = [trained.weights]
    return save_prior(out / "model", made, gathered.material, gathered.atlas, weights, trained.after, trained.steps)


def told(cases: Sequence[LabelledCase]) -> str:
    """On what a network was trained, in a sentence."""
    patients, partial = len({case.patient for case in cases}), sum(case.annotation == "partial" for case in cases)
    part = f", {partial} of them annotated in part" if partial else ""
    return f"The network was trained on {len(cases)} labelled scans of {patients} patients{part}."


def name_of(data: Path, fold: str) -> str:
    """Of a model, as ``model.json`` allows names."""
    known = re.sub(r"[^\w .+-]", "-", data.resolve().name)[:80]
    return "-".join(part for part in ("atlas-prior", known, fold) if part)


def fingerprint(gathered: Gathered) -> str:
    """SHA-256 of the cases' keys, each of which is that of its content."""
    cases: Sequence[CachedCase] = gathered.material.training
    return hashlib.sha256("\n".join(sorted(case.key for case in cases)).encode()).hexdigest()
