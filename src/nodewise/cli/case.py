"""One study from its files to a finished folder, and many of them."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.markup import escape

from nodewise.cli.options import command_line
from nodewise.cli.screen import console, counted, log_to, stages
from nodewise.io.casefile import AssessmentRecord, read_record, record_of, write_record
from nodewise.io.folder import read_study
from nodewise.io.whole import make_folder, whole
from nodewise.report.tables import summary_row
from nodewise.report.write import write_case
from nodewise.values.assessment import Assessment
from nodewise.values.errors import BadInputError
from nodewise.values.pipeline import Pipeline
from nodewise.values.study import Study

log = logging.getLogger(__name__)
Work = Callable[[Study, Callable[[str], None]], Assessment]


@dataclass(frozen=True, slots=True)
class Job:
    """A study of many: its name, where it lies, and what loads the model that it is given to."""

    name: str
    path: Path
    model: Callable[[], Pipeline]


@dataclass(frozen=True, slots=True)
class Failure:
    """A study that gave no result, and whose fault it was."""

    name: str
    ours: bool
    reason: str


def make_case(
    path: Path, out: Path, work: Work, *, allow_gaps: bool, overwrite: bool, on_stage: Callable[[str], None]
) -> Assessment:
    """Read a study, do the work on it and write its folder, which is complete or absent."""
    with whole(out, overwrite=overwrite) as folder, log_to(folder / "run.log"):
        start = time.perf_counter()
        on_stage("reading")
        study = read_study(path, allow_gaps=allow_gaps)
        reading = time.perf_counter() - start
        for line in (*study.source.left_out, *study.source.warnings):
            log.info("%s", line)
        assessment = work(study, on_stage)
        seconds = {"reading": reading, **assessment.provenance.seconds}
        assessment = _with_seconds(assessment, seconds)
        on_stage("report")
        start = time.perf_counter()
        write_case(assessment, folder)
        assessment = _with_seconds(assessment, {**seconds, "report": time.perf_counter() - start})
        write_record(record_of(assessment), folder / "assessment.json")  # again, as nothing knows its own time
        log.info("nodes: %d, category: %s", len(assessment.findings), assessment.stage.category)
    return assessment


def _with_seconds(assessment: Assessment, seconds: Mapping[str, float]) -> Assessment:
    provenance = replace(assessment.provenance, seconds=seconds, command=command_line())
    return replace(assessment, provenance=provenance)


def run_one(path: Path, out: Path, work: Work, *, allow_gaps: bool, overwrite: bool, n_stages: int) -> None:
    """One study, with a bar, and a closing line that says what was found and where it is."""
    with stages("nodewise", n_stages) as on_stage:
        made = make_case(path, out, work, allow_gaps=allow_gaps, overwrite=overwrite, on_stage=on_stage)
    seconds = sum(made.provenance.seconds.values())
    at_least = "at least " if made.stage.at_least else ""
    console.print(
        f"{len(made.findings)} nodes, {at_least}{made.stage.category} (TNM {made.stage.edition}), {seconds:.0f} s"
    )
    for warning in made.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    for line in made.study.source.left_out:
        console.print(f"[dim]not used:[/] {escape(line)}", soft_wrap=True)
    console.print(f"report: {escape(str(out / 'report.html'))}", soft_wrap=True)
    console.print("Research use only, not for diagnosis.", style="dim")


def run_many(
    jobs: Sequence[Job],
    out: Path,
    work: Callable[[Pipeline, Study, Callable[[str], None]], Assessment],
    *,
    allow_gaps: bool,
    overwrite: bool,
    same: Callable[[Pipeline, AssessmentRecord], bool],
) -> int:
    """Each study into its own folder of ``out``; 0, or 2 where some were refused, or 1 where nodewise failed on some.

    A result that is already there is kept when it is the ``same``, that is, made with the settings asked for now.
    """
    make_folder(out)
    failures: list[Failure] = []
    with counted(f"{len(jobs)} studies") as progress, log_to(out / "run.log"):
        for done, job in enumerate(jobs):
            progress(done, len(jobs))
            failure = _try_one(job, out / job.name, work, allow_gaps, overwrite, same)
            if failure:
                failures.append(failure)
                log.warning("%s failed: %s", job.name, failure.reason)
    complete = _write_summary(out, [job.name for job in jobs])
    _write_csv(
        out / "failures.csv",
        [{"study": f.name, "fault": "ours" if f.ours else "input", "reason": f.reason} for f in failures],
        ["study", "fault", "reason"],
    )
    console.print(
        f"{complete} of {len(jobs)} studies complete, {len(failures)} failed: {escape(str(out / 'summary.csv'))}",
        soft_wrap=True,
    )
    return 1 if any(f.ours for f in failures) else 2 if failures else 0


def _try_one(
    job: Job,
    out: Path,
    work: Callable[[Pipeline, Study, Callable[[str], None]], Assessment],
    allow_gaps: bool,
    overwrite: bool,
    same: Callable[[Pipeline, AssessmentRecord], bool],
) -> Failure | None:
    name, path = job.name, job.path
    try:
        model = job.model()
        if (out / "assessment.json").is_file() and not overwrite:
            if same(model, read_record(out / "assessment.json")):
                log.info("%s is complete already", name)
                return None
            raise BadInputError(f"{out} holds a result made with other settings: choose another folder or --overwrite")
        make_case(
            path, out, partial(work, model), allow_gaps=allow_gaps, overwrite=overwrite, on_stage=lambda _stage: None
        )
    except BadInputError as problem:
        return Failure(name, False, str(problem).removeprefix(f"{path.name}: "))
    except Exception as problem:
        log.debug("%s", name, exc_info=True)
        return Failure(name, True, f"{type(problem).__name__}: {problem}")
    return None


def _write_summary(out: Path, names: Sequence[str]) -> int:
    rows = [
        summary_row(name, read_record(out / name / "assessment.json"))
        for name in names
        if (out / name / "assessment.json").is_file()
    ]
    if rows:
        _write_csv(out / "summary.csv", rows, list(rows[0]))
    return len(rows)


def _write_csv(path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    aside = path.with_name(f".{path.name}")
    with aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    aside.replace(path)
