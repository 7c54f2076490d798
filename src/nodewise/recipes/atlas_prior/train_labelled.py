"""P3's network from labelled scans, by folds or on all of them; semi-supervised afterwards where asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.folds import Fold
from nodewise.datasets.read import read_dataset
from nodewise.io.whole import make_folder
from nodewise.learn.case_cache import CachedCase
from nodewise.recipes.atlas_prior.effort import Effort, OnProgress
from nodewise.recipes.atlas_prior.learn import train_prior
from nodewise.recipes.atlas_prior.material import Gathered, Reader, gather
from nodewise.recipes.atlas_prior.save import Made, save_prior
from nodewise.recipes.atlas_prior.split import FOLDS, divided, paper_folds
from nodewise.values.errors import BadInputError


def train_on_labelled(
    out: Path, effort: Effort, data: Path, fold: int | None, reader: Reader, progress: OnProgress
) -> tuple[Path, ...]:
    """See ``nodewise.recipes.atlas_prior.train``."""
    dataset, cache = read_dataset(data), out / "cache"
    if fold is None:
        make_folder(out)
        return (_train(out, cache, effort, data, Fold(0, dataset.cases, ()), "", reader, progress),)
    if not 0 <= fold < FOLDS:
        raise BadInputError(f"there is no fold {fold}: give 0 to {FOLDS - 1}")
    one = paper_folds(dataset.cases)[fold]
    inside = out / f"fold-{one.number:02d}"
    make_folder(inside)
    (inside / "held_out.txt").write_text("".join(f"{case.name}\n" for case in one.held_out), encoding="utf-8")
    words = f" --fold {fold}"
    return (_train(inside, cache, effort, data, one, words, reader, progress),)


def _train(
    out: Path,
    cache: Path,
    effort: Effort,
    data: Path,
    fold: Fold,
    words: str,
    reader: Reader,
    progress: OnProgress,
) -> Path:
    training, validating = divided(fold.training, effort.seed)
    gathered = gather(training, validating, cache, effort, progress, reader, fold.held_out)
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
        trained_on=told(fold.training),
        held_out=held_out_words(len(validating)),
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


def held_out_words(count: int) -> str:
    """On what threshold and diameter were chosen; empty for nothing."""
    return f"{count} scan{'s' if count > 1 else ''} of patients who were not trained on" if count else ""


def name_of(data: Path, fold: str) -> str:
    """Of a model, as ``model.json`` allows names."""
    known = re.sub(r"[^\w .+-]", "-", data.resolve().name)[:80]
    return "-".join(part for part in ("atlas-prior", known, fold) if part)


def fingerprint(gathered: Gathered) -> str:
    """SHA-256 of the cases' keys, each of which is that of its content."""
    cases: Sequence[CachedCase] = gathered.material.training
    return hashlib.sha256("\n".join(sorted(case.key for case in cases)).encode()).hexdigest()
