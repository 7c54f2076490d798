"""Tables 3 and 4 of P3 made anew: each of its steps trained several times, on any data and at any scale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import read_dataset
from nodewise.io.whole import make_folder
from nodewise.learn.fit import Progress
from nodewise.metrics.ranks import t_test
from nodewise.models.bundle import load_bundle
from nodewise.models.prior_preparation import Channels
from nodewise.recipes.atlas_prior.after import After
from nodewise.recipes.atlas_prior.cases import Lay
from nodewise.recipes.atlas_prior.effort import Effort, OnProgress
from nodewise.recipes.atlas_prior.learn import TrainedPrior, train_prior
from nodewise.recipes.atlas_prior.material import Gathered, Reader, gather, look_at
from nodewise.recipes.atlas_prior.measure import (
    FIGURES,
    Measured,
    figures_of,
    measure_run,
    read_measured,
    write_measured,
)
from nodewise.recipes.atlas_prior.pipeline import after_of, segmenter_of
from nodewise.recipes.atlas_prior.save import Made, save_prior
from nodewise.recipes.atlas_prior.split import divided, paper_folds
from nodewise.recipes.atlas_prior.survey import Surveyed
from nodewise.recipes.atlas_prior.train_labelled import fingerprint, held_out_words, told
from nodewise.recipes.atlas_prior.way import ROWS, PriorWay
from nodewise.values.errors import BadInputError

ENSEMBLE = "ensemble"
WEIGHTED_MEMBERS, OTHER_MEMBERS = 3, 2  # of the ensemble: of the last row, and of the one before
AGAINST: Mapping[str, str] = {"SM": "CT only", "DM, PA": "CT only"}
"""Which row one is tested against, where that is not the row before."""
CASES_FILE, SETTINGS_FILE = "cases.csv", "ablation.json"


@dataclass(frozen=True, slots=True)
class Ablation:
    """How much of it.

    Attributes:
        effort: of each network; its way is the row's, its seed the first run's.
        runs: trainings of each row. rows: names of ``ROWS``; the ensemble follows where the last two are among them.
    """

    effort: Effort
    runs: int = 5
    rows: tuple[str, ...] = tuple(ROWS)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``FIGURES`` of each run, by how they were post-processed, and how likely by chance the row is better.

    Attributes:
        figures: how → figure → one value a run. p: how → figure → one-sided p beside ``against``; NaN where untested.
    """

    name: str
    figures: Mapping[str, Mapping[str, tuple[float, ...]]]
    against: str = ""
    p: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def ablate(
    out: Path,
    data: Path,
    ablation: Ablation,
    reader: Reader,
    *,
    test: Path | None = None,
    progress: OnProgress = lambda _what, _done, _total: None,
) -> tuple[Row, ...]:
    """Train and measure every row; what ``out`` has already is not made again.

    Args:
        out: folder of all runs: ``out/ROW/run-K`` with its model and ``cases.csv``.
        data: labelled scans to train on.
        ablation: see there.
        reader: of the anatomy.
        test: fully annotated scans to measure on; a fifth of the fully annotated patients of ``data`` where None.
        progress: told what is done.

    Raises:
        BadInputError: there is nothing to measure on, the data cannot be learned from, or ``out`` holds runs of other
            settings or scans.
    """
    training, held_out = _divided(data, test)
    make_folder(out)
    _require_same(out, ablation.effort, reader, training, held_out)
    bench = _Bench(out, ablation, reader, training, held_out, progress)
    names = [name for name in ROWS if name in ablation.rows]
    measured = {name: [bench.run(name, number) for number in range(ablation.runs)] for name in names}
    if {*list(ROWS)[-2:]} <= set(names):
        measured[ENSEMBLE] = [bench.ensemble()]
    return rows_of(measured)


def rows_of(measured: Mapping[str, Sequence[Sequence[Measured]]]) -> tuple[Row, ...]:
    """Rows with the t-tests between them, in order; the runs of each by its name."""
    rows: list[Row] = []
    for name, runs in measured.items():
        each = {how: {f: tuple(figures_of(run, how)[f] for run in runs) for f in FIGURES} for how in ("plain", "post")}
        rows.append(_tested(Row(name, each), rows))
    return tuple(rows)


def _tested(row: Row, before: Sequence[Row]) -> Row:
    """Against the row it is tested against; the ensemble is one, and is not tested."""
    if not before or row.name == ENSEMBLE:
        return row
    wanted = AGAINST.get(row.name, before[-1].name)
    other = next((one for one in before if one.name == wanted), None)
    if other is None:
        return row
    p = {
        how: {
            f: t_test(np.array(values), np.array(other.figures[how][f]), "less" if f == "assd_mm" else "greater")
            for f, values in figures.items()
        }
        for how, figures in row.figures.items()
    }
    return replace(row, against=other.name, p=p)


def _require_same(
    out: Path,
    effort: Effort,
    reader: Reader,
    training: Sequence[LabelledCase],
    held_out: Sequence[LabelledCase],
) -> None:
    """Keep what makes runs comparable in ``out``, and refuse a folder that was begun otherwise."""
    names = "\n".join([*(case.name for case in training), "", *(case.name for case in held_out)])
    settings = {
        "steps": str(effort.steps),
        "size": effort.size.name,
        "seed": str(effort.seed),
        "margin": f"{effort.margin_mm:g} mm",
        "anatomy": reader.how,
        "atlas": "built from the scans" if effort.atlas is None else str(effort.atlas),
        "scans": hashlib.sha256(names.encode()).hexdigest(),
    }
    path = out / SETTINGS_FILE
    if not path.is_file():
        path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        other = next((key for key in settings if settings[key] != before[key]), None)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is damaged: use another folder") from error
    if other is not None:
        what = f"{other} {before[other]}, not {settings[other]}"
        raise BadInputError(f"{out} was begun with {what}: use that or another folder")


def _divided(data: Path, test: Path | None) -> tuple[tuple[LabelledCase, ...], tuple[LabelledCase, ...]]:
    cases = read_dataset(data).cases
    if test is not None:
        held_out = tuple(case for case in read_dataset(test).cases if case.annotation == "full")
        both = {case.image.resolve() for case in held_out} & {case.image.resolve() for case in cases}
        if both:
            raise BadInputError(f"{min(both)} is both to train on and to measure on: choose one")
        if not held_out:
            raise BadInputError(f"{test} has no fully annotated scan: there is nothing to measure on")
        return cases, held_out
    partial = {case.patient for case in cases if case.annotation == "partial"}
    held_out = paper_folds([case for case in cases if case.patient not in partial])[0].held_out
    names = {case.name for case in held_out}
    return tuple(case for case in cases if case.name not in names), held_out


@dataclass(eq=False)
class _Bench:
    """What the runs share: prepared once for each kind of channels."""

    out: Path
    ablation: Ablation
    reader: Reader
    training: tuple[LabelledCase, ...]
    held_out: tuple[LabelledCase, ...]
    progress: OnProgress
    gathered: dict[Channels, Gathered] = field(default_factory=dict)
    tested: tuple[Surveyed, ...] = ()

    def run(self, name: str, number: int) -> list[Measured]:
        """One training of one row, and its figures."""
        folder = self._folder(name, number)
        if (folder / CASES_FILE).is_file():
            return read_measured(folder / CASES_FILE)
        effort = self._effort(name, number)
        gathered = self._gather(effort)
        run = effort.run(folder / "fit")
        words = f"{name}, run {number + 1}"

        def on_step(now: Progress) -> None:
            self.progress(words, now.step, run.steps)

        trained = train_prior(gathered.material, effort.way, run, on_step)
        self._save(folder / "model", gathered, [trained.weights], trained, effort, words)
        return self._measure(folder, gathered, words)

    def ensemble(self) -> list[Measured]:
        """Three of the last row and two of the one before, or as many as there are."""
        folder = self.out / ENSEMBLE
        if (folder / CASES_FILE).is_file():
            return read_measured(folder / CASES_FILE)
        last, other = list(ROWS)[-1], list(ROWS)[-2]
        runs = self.ablation.runs
        members = [self._folder(last, n) for n in range(min(runs, WEIGHTED_MEMBERS))]
        members += [self._folder(other, n) for n in range(min(runs, OTHER_MEMBERS))]
        effort = self._effort(last, 0)
        gathered = self._gather(effort)
        after = _together([after_of(load_bundle(member / "model")) for member in members])
        trained = TrainedPrior(members[0] / "fit" / "best.pt", after, {}, effort.steps)
        weights = [member / "fit" / "best.pt" for member in members]
        self._save(folder / "model", gathered, weights, trained, effort, ENSEMBLE)
        return self._measure(folder, gathered, ENSEMBLE)

    def _measure(self, folder: Path, gathered: Gathered, words: str) -> list[Measured]:
        device = self.ablation.effort.run(folder).device
        segmenter = segmenter_of(load_bundle(folder / "model"), device)
        if not self.tested:
            self.tested = look_at(self.held_out, self.out / "cache", self.ablation.effort, self.progress, self.reader)
        lay: Lay = gathered.lay
        total = len(self.tested)
        found = measure_run(segmenter, self.tested, lay, lambda done: self.progress(f"measuring {words}", done, total))
        write_measured(found, folder / CASES_FILE)
        return found

    def _save(
        self,
        folder: Path,
        gathered: Gathered,
        weights: Sequence[Path],
        trained: TrainedPrior,
        effort: Effort,
        words: str,
    ) -> None:
        made = Made(
            name=f"atlas-prior-ablation-{folder.parent.name}",
            trained_on=told(self.training),
            held_out=held_out_words(len(gathered.material.validating)),
            fingerprint=fingerprint(gathered),
            command=f"nodewise ablate atlas_prior ({words}) {effort.command}",
            seed=effort.seed,
            figures=trained.figures,
        )
        save_prior(folder, made, gathered.material, gathered.atlas, weights, trained.after, trained.steps)

    def _gather(self, effort: Effort) -> Gathered:
        channels = effort.way.channels
        if channels not in self.gathered:
            training, validating = divided(self.training, self.ablation.effort.seed)
            cache = self.out / "cache"
            self.gathered[channels] = gather(
                training, validating, cache, effort, self.progress, self.reader, self.held_out
            )
        return self.gathered[channels]

    def _effort(self, name: str, number: int) -> Effort:
        way: PriorWay = ROWS[name]
        return replace(self.ablation.effort, way=way, seed=self.ablation.effort.seed + number)

    def _folder(self, name: str, number: int) -> Path:
        return self.out / f"row-{list(ROWS).index(name) + 1}" / f"run-{number + 1}"


def _together(each: Sequence[After]) -> After:
    """The means of thresholds and the median of diameters."""
    threshold = float(np.mean([one.threshold for one in each]))
    return replace(each[0], threshold=threshold, diameter_mm=float(np.median([one.diameter_mm for one in each])))
