"""The three steps learned from labelled scans, as the paper does; folds by patient."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.folds import Fold, folds, leave_one_out
from nodewise.datasets.read import read_dataset
from nodewise.io.whole import make_folder
from nodewise.learn.case_cache import CachedCase
from nodewise.recipes.three_step.detection import measurable
from nodewise.recipes.three_step.effort import Effort, OnProgress
from nodewise.recipes.three_step.labelled import example_of, node_cases
from nodewise.recipes.three_step.malignancy import PAPER as MALIGNANCY
from nodewise.recipes.three_step.malignancy import Learned, train_malignancy
from nodewise.recipes.three_step.nodes import PAPER, TrainedNodes, train_nodes
from nodewise.recipes.three_step.nodes_paper import node_loss, patches
from nodewise.recipes.three_step.save import Made, save_model
from nodewise.values.errors import BadInputError

if TYPE_CHECKING:
    from nodewise.recipes.three_step.stations import TrainedStations

FOLDS = 5
ONE_IN = 8  # of so many patients one is kept to choose weights and thresholds by


def train_on_labelled(
    out: Path, effort: Effort, data: Path, fold: int | Literal["loo"] | None, progress: OnProgress
) -> tuple[Path, ...]:
    """Train on all of ``data``, or leave out one fold or each patient in turn; see ``three_step.train``.

    Scans are prepared once for all folds, in ``out/cache``.

    Raises:
        BadInputError: too few patients, nothing to learn from, an option that nothing in the data can follow, or a fold
            that was begun with other scans held out.
    """
    dataset, cache = read_dataset(data), out / "cache"
    _check_options(effort, data, dataset.cases)
    if fold is None:
        make_folder(out)
        return (_train(out, cache, effort, data, dataset.cases, "", progress),)
    chosen: Sequence[Fold]
    if fold == "loo":
        chosen = leave_one_out(dataset.cases)
    else:
        if not 0 <= fold < FOLDS:
            raise BadInputError(f"there is no fold {fold}: give 0 to {FOLDS - 1}, or loo")
        if len(dataset.patients) < FOLDS:
            few = f"{len(dataset.patients)} patient{'s' if len(dataset.patients) > 1 else ''}"
            raise BadInputError(
                f"{data} has {few}, of whom no fifth can be left out: give {FOLDS} or more, or --fold loo"
            )
        chosen = folds(dataset.cases, FOLDS, effort.seed)[fold : fold + 1]
    models = []
    for one in chosen:
        inside = out / f"fold-{one.number:02d}"
        make_folder(inside)
        _keep_names(inside / "held_out.txt", [case.name for case in one.held_out])
        models.append(_train(inside, cache, effort, data, one.training, f" --fold {fold}", progress))
    return tuple(models)


def _check_options(effort: Effort, data: Path, cases: Sequence[LabelledCase]) -> None:
    """Nothing, where every option has something to act on: none may be told of a model that had none."""
    if (effort.stations is not None or effort.station_mm != 1.0) and not any(case.stations for case in cases):
        raise BadInputError(f"{data} has no station maps to learn from: leave out --stations and --station-spacing")
    if (effort.rule is not None or effort.calibration != "temperature") and not any(case.histology for case in cases):
        raise BadInputError(
            f"{data} has no histology in cases.csv to learn from: leave out --malignancy-rule and --calibration"
        )


def _keep_names(path: Path, names: Sequence[str]) -> None:
    """Who is held out, which ``predict --folds`` goes by: what was trained without them stays true."""
    words = "".join(f"{name}\n" for name in names)
    if path.exists() and path.read_text(encoding="utf-8") != words:
        raise BadInputError(
            f"{path} names other scans: this fold was begun with another division or other data: "
            "train into another folder"
        )
    path.write_text(words, encoding="utf-8")


def _train(
    out: Path, cache: Path, effort: Effort, data: Path, cases: Sequence[LabelledCase], words: str, progress: OnProgress
) -> Path:
    training, validating = _divided(cases, effort.seed)
    stations = _stations(out / "stations", cache, effort, training, validating, progress)
    nodes, fingerprint = _nodes(out / "nodes", cache, effort, training, validating, progress)
    malignancy = _malignancy(out / "malignancy", effort, training, validating, progress)
    patients = len({case.patient for case in cases})
    same = "" if malignancy is None or malignancy.measures else " Malignancy was calibrated on the same patients."
    made = Made(
        name=_name(data, out.name if words else ""),
        trained_on=f"The networks were trained on {len(cases)} labelled scans of {patients} patients.{same}",
        held_out=f"{len(validating)} scans of patients who were not trained on" if validating else "",
        fingerprint=fingerprint,
        command=f"nodewise train three_step DATA --scale {effort.scale:g} {effort.command}{words}",
        seed=effort.seed,
        licence="that of the data set",
    )
    return save_model(out / "model", made, PAPER, nodes, stations, malignancy)


def _name(data: Path, fold: str) -> str:
    """Of a model, as ``model.json`` allows names."""
    known = re.sub(r"[^\w .+-]", "-", data.resolve().name)[:80]
    return "-".join(part for part in ("three-step", known, fold) if part)


def _divided(cases: Sequence[LabelledCase], seed: int) -> tuple[tuple[LabelledCase, ...], tuple[LabelledCase, ...]]:
    """To learn from, and one patient in ``ONE_IN`` to validate on; none of fewer patients."""
    patients = {case.patient for case in cases}
    if len(patients) < ONE_IN:
        return tuple(cases), ()
    first = folds(cases, ONE_IN, seed)[0]
    return first.training, first.held_out


def _stations(
    out: Path,
    cache: Path,
    effort: Effort,
    training: Sequence[LabelledCase],
    validating: Sequence[LabelledCase],
    progress: OnProgress,
) -> TrainedStations | None:
    """None where no stations are drawn: the landmarks' are used then."""
    from nodewise.recipes.three_step.stations import PAPER_PREPARATION, PAPER_STATIONS, PAPER_STEPS
    from nodewise.recipes.three_step.stations_paper import station_cases, train_stations_on

    preparation = replace(PAPER_PREPARATION, spacing_mm=(effort.station_mm,) * 3)
    stations = effort.stations or PAPER_STATIONS
    prepare = partial(
        station_cases,
        folder=cache,
        preparation=preparation,
        stations=stations,
        processes=effort.helpers,
        progress=partial(progress, "preparing scans"),
    )
    known = prepare(training)
    if not known:
        return None
    run = effort.run(out / "fit", PAPER_STEPS)
    return train_stations_on(
        known, prepare(validating), run, preparation, stations, lambda now: progress("stations", now.step, run.steps)
    )


def _nodes(
    out: Path,
    cache: Path,
    effort: Effort,
    training: Sequence[LabelledCase],
    validating: Sequence[LabelledCase],
    progress: OnProgress,
) -> tuple[TrainedNodes, str]:
    prepare = partial(node_cases, preparation=PAPER.preparation, folder=cache, processes=effort.helpers)
    known = prepare(training, progress=partial(progress, "preparing scans"))
    if not any(case.classes for case in known):
        raise BadInputError("no case has a node in its mediastinum: there is nothing to learn from")
    others = prepare(validating, progress=partial(progress, "preparing scans")) if validating else ()
    examples = [example_of(case) for case in [c for c in others if c.source == "full"] or others]
    told = any(measurable(example, PAPER.preparation.spacing_mm) for example in examples)
    run = effort.run(out / "fit", PAPER.steps)
    trained = train_nodes(
        PAPER,
        patches(known, effort.seed),
        node_loss,
        {"case": examples} if told else {},
        run,
        progress=lambda now: progress("nodes", now.step, run.steps),
    )
    return trained, _fingerprint(known)


def _fingerprint(cases: Sequence[CachedCase]) -> str:
    """SHA-256 of the cases' keys, each of which is that of its content."""
    return hashlib.sha256("\n".join(sorted(case.key for case in cases)).encode()).hexdigest()


def _malignancy(
    out: Path,
    effort: Effort,
    training: Sequence[LabelledCase],
    validating: Sequence[LabelledCase],
    progress: OnProgress,
) -> Learned | None:
    """None where training has not both benign and malignant stations with nodes.

    Where those kept to validate on have not both, weights and calibration are chosen on what was trained on, as far as
    that goes, and no measures are told.
    """
    from nodewise.recipes.three_step.labelled_malignancy import scan_cases, suffices

    known, others = scan_cases(training), scan_cases(validating)
    if not suffices(known):
        return None
    run, apart = effort.run(out, MALIGNANCY.steps), suffices(others)
    learned = train_malignancy(
        known,
        others if apart else known,
        run,
        schedule=replace(MALIGNANCY, rule=effort.rule or MALIGNANCY.rule),
        calibrate=effort.calibration,
        progress=lambda step: progress("malignancy", step, run.steps),
    )
    return learned if apart else replace(learned, measures={})
