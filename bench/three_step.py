"""A model of the three steps measured on new phantoms and on implants into real scans: one table with 95 % intervals.

    python bench/three_step.py --work runs/measured --backgrounds scans/contrast.nii.gz scans/plain.nii.gz
    python bench/three_step.py --work runs/measured --backgrounds … --model runs/first/model --processes 2

Phantoms of seeds that no training uses, half without contrast medium and half with; and copies of the backgrounds with
implants by the paste method that is not trained on, and with controls. Whatever was made or predicted before is kept:
stopped at any moment, the same command goes on. Predictions are kept by the hash of the weights: where the code that
makes them has changed, remove the model's folder in the work folder first. Research use only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.phantoms import phantom_cases
from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.papers.choose import pictures_of, tables_of
from nodewise.evaluate.read import Reading
from nodewise.evaluate.record import Case
from nodewise.evaluate.run import evaluate_pairs
from nodewise.evaluate.write import made_by, write_evaluation
from nodewise.io.casefile import read_record
from nodewise.io.folder import read_study
from nodewise.io.whole import whole
from nodewise.phantom.cohort import Plan, write_cohort
from nodewise.phantom.implant import write_implanted
from nodewise.phantom.scan.tissue import Phase
from nodewise.recipes.load import load_pipeline
from nodewise.report.write import write_case
from nodewise.story import assess
from nodewise.values.grid import Point
from nodewise.values.pipeline import Pipeline
from three_step_table import table

PHANTOM_SEED, IMPLANT_SEED = 4000, 5000
PHANTOMS, IMPLANTS = "phantoms", "implants"
EDITION = 8
Seconds = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Using:
    """The model and where it runs; ``threads`` of a process."""

    model: str
    device: str
    threads: int


def draw_phantoms(out: Path, count: int, spacing_mm: Point, processes: int) -> None:
    """The first half without contrast medium; of the others half portal, the rest arterial and pulmonary."""
    plain, portal = count - count // 2, -(-(count // 2) // 2)
    arterial = (count - plain - portal + 1) // 2
    counts = (plain, portal, arterial, count - plain - portal - arterial)
    seed = PHANTOM_SEED
    for phase, number in zip((Phase.NONE, Phase.PORTAL, Phase.ARTERIAL, Phase.PULMONARY), counts, strict=True):
        if number:
            progress = partial(tell, f"drawing phantoms, {phase.value}")
            plan = Plan(spacing_mm=spacing_mm, phase=phase)
            write_cohort(out, number, seed, plan, processes=processes, progress=progress)
        seed += number


def draw_implants(out: Path, count: int, backgrounds: Sequence[Path], processes: int) -> None:
    """As many into each background, by the method that nothing is trained on."""
    seed = IMPLANT_SEED
    for turn, scan in enumerate(backgrounds):
        number = len(range(turn, count, len(backgrounds)))
        if number:
            progress = partial(tell, f"implanting into {scan.name}")
            write_implanted(out, scan, number, seed, paste="poisson", processes=processes, progress=progress)
        seed += number


@cache
def loaded(using: Using) -> Pipeline:
    """The model, once a process."""
    import torch

    torch.set_num_threads(using.threads)
    return load_pipeline(using.model, using.device)


def predict(case: LabelledCase, out: Path, using: Using) -> Seconds | None:
    """Seconds of the wall, of the processor, and of writing; None where the case was there already."""
    pipeline = loaded(using)
    path = out / case.name / "assessment.json"
    if path.is_file() and read_record(path).provenance.weights_sha256 == pipeline.weights_sha256:
        return None
    start, work = time.perf_counter(), time.process_time()
    study = read_study(case.image)
    reading = time.perf_counter() - start
    assessment = assess(study, pipeline, case.primary, edition=EDITION)
    seconds = {"reading": reading, **assessment.provenance.seconds}
    assessment = replace(assessment, provenance=replace(assessment.provenance, seconds=seconds))
    predicted, work = time.perf_counter(), time.process_time() - work
    with whole(out / case.name, overwrite=True) as folder:
        write_case(assessment, folder, page=False)
    return predicted - start, work, time.perf_counter() - predicted


def predict_all(cases: Sequence[LabelledCase], out: Path, using: Using, processes: int) -> None:
    """Every case that is not there yet; says what one took."""
    work, took = partial(predict, out=out, using=using), []
    for done, seconds in enumerate(mapped(work, cases, processes), 1):
        tell(f"predicting {out.name}", done, len(cases))
        if seconds is not None:
            took.append(seconds)
    if took:
        wall, work_s, writing = np.mean(took, axis=0).tolist()
        told = f"{wall:.1f} s each ({work_s:.1f} s of processor), {writing:.1f} s to write it"
        print(f"  {len(took)} {out.name} predicted: {told}", flush=True)


def mapped(
    work: Callable[[LabelledCase], Seconds | None], items: Sequence[LabelledCase], processes: int
) -> Iterator[Seconds | None]:
    """``map`` here, or by processes that each load the model once."""
    if processes < 2:
        yield from map(work, items)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, items)


def evaluate(data: Path, predictions: Path, processes: int, *, strict: bool = False) -> tuple[Case, ...]:
    """The record of every case of a folder of phantoms or implants."""
    pairs = find_pairs(data, predictions)
    named = f"evaluating {predictions.name}{', strictly' if strict else ''}"
    start, work = time.perf_counter(), time.process_time()
    cases = evaluate_pairs(pairs, Reading(strict=strict), jobs=processes, progress=partial(tell, named))
    wall, work = (
        (now - then) / len(cases) for now, then in ((time.perf_counter(), start), (time.process_time(), work))
    )
    print(f"  {named}: {wall:.1f} s each ({work:.1f} s of this process)", flush=True)
    return cases


def tell(what: str, done: int, total: int) -> None:
    """Progress, on one line of a terminal and nowhere else."""
    if sys.stderr.isatty():
        print(f"\r{what}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def costs(predictions: Path) -> str:
    """Mean seconds of each stage of the predictions there, and the most memory that any process held."""
    made = [read_record(path).provenance for path in sorted(predictions.glob("*/*/assessment.json"))]
    stages = {stage: np.mean([m.seconds.get(stage, 0.0) for m in made]) for stage in made[0].seconds}
    unit = 2**20 if sys.platform == "darwin" else 2**10
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    most = max((m.peak_memory_mb or 0.0 for m in made), default=0.0)
    told = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in stages.items())
    return f"A case: {told}. Peak memory: {most:.0f} MB while predicting, {here:.0f} MB of this process in all."


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name of a bundled model, or a model folder")
    parser.add_argument("--work", type=Path, required=True, help="folder for scans, predictions and the table")
    parser.add_argument("--phantoms", type=int, default=100, help="drawn patients (default 100)")
    parser.add_argument("--implants", type=int, default=40, help="real scans with implants (default 40)")
    parser.add_argument("--backgrounds", type=Path, nargs="*", default=[], help="real scans kept out of training")
    parser.add_argument("--spacing", type=float, nargs=3, default=(0.8, 0.8, 2.0), help="of the phantoms, mm")
    parser.add_argument("--processes", type=int, default=1, help="cases at a time (default 1)")
    parser.add_argument("--threads", type=int, default=0, help="of each process (default: its share of the cores)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--bootstraps", type=int, default=1000, help="cohorts drawn for the intervals (default 1000)")
    asked = parser.parse_args()
    if asked.implants and not asked.backgrounds:
        parser.error("--implants needs --backgrounds, or say --implants 0")
    return asked


def main() -> None:
    """Make, predict, evaluate, print."""
    asked = arguments()
    cores = multiprocessing.cpu_count()
    using = Using(asked.model, asked.device, asked.threads or max(1, cores // asked.processes))
    start = time.perf_counter()
    if asked.phantoms:
        draw_phantoms(asked.work / PHANTOMS, asked.phantoms, tuple(asked.spacing), asked.processes)
    if asked.implants:
        draw_implants(asked.work / IMPLANTS, asked.implants, asked.backgrounds, asked.processes)
    print(f"  scans: {time.perf_counter() - start:.0f} s")
    pipeline = loaded(using)
    home = asked.work / f"{pipeline.name}-{pipeline.weights_sha256[:8]}"
    asked_for = [name for name, count in ((PHANTOMS, asked.phantoms), (IMPLANTS, asked.implants)) if count]
    for name in asked_for:
        predict_all(phantom_cases(asked.work / name), home / "predictions" / name, using, asked.processes)
    cohorts = {}
    for name in asked_for:
        data, predictions = asked.work / name, home / "predictions" / name
        cases = evaluate(data, predictions, asked.processes)
        cohorts[name] = summarize(cases, bootstraps=asked.bootstraps)
        papers, pictures = tables_of("P1", cohorts[name]), pictures_of("P1", cohorts[name])
        out = home / f"evaluation-{name}"
        write_evaluation(cohorts[name], made_by(Reading()), out, papers=papers, pictures=pictures, overwrite=True)
    strict: tuple[Case, ...] = ()
    if asked.implants:
        strict = evaluate(asked.work / IMPLANTS, home / "predictions" / IMPLANTS, asked.processes, strict=True)
    text = table(cohorts.get(PHANTOMS), cohorts.get(IMPLANTS), strict, bootstraps=asked.bootstraps)
    text += f"\n{costs(home / 'predictions')}\n"
    (home / "table.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
