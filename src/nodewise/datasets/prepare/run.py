"""A whole data set: every case prepared, begun again where it was stopped, and all put in place at once."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from nodewise.datasets.about import ABOUT_FILE
from nodewise.datasets.case import Dataset, LeftOut
from nodewise.datasets.prepare.check import Rules
from nodewise.datasets.prepare.numbered import numbered
from nodewise.datasets.prepare.one import CHECKED, KINDS, Task
from nodewise.datasets.prepare.record import CaseRecord, read_case_record, source_of
from nodewise.datasets.prepare.tables import write_tables
from nodewise.io.whole import make_folder, require_outside
from nodewise.values.errors import BadInputError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of a data set: the records of the cases kept, by name, and what was left out."""

    dataset: Dataset
    kept: tuple[CaseRecord, ...]
    left_out: tuple[LeftOut, ...]


def prepare(
    dataset: Dataset,
    out: Path,
    rules: Rules = Rules(),  # noqa: B008 - frozen
    *,
    own: bool = False,
    jobs: int = 1,
    progress: Progress = lambda _done, _total: None,
) -> Prepared:
    """Check every case and write those that pass into a folder of the layout ``pairs``.

    Cases are collected in a hidden folder beside ``out``, which takes its place once all are done; stopped before, the
    same call goes on where it was. Where ``out`` is an earlier result, what has not changed since is kept. A scan that
    is there under two names is kept once. Where no case passes there is no ``out``.

    Args:
        dataset: to read; see ``read_named``.
        out: folder to make, outside the data set's.
        rules: what is let pass.
        own: the names of files are the user's: cases and patients get numbers.
        jobs: processes at work at once, each with one case in memory; the result is the same whatever their number.
        progress: told (done, total).

    Raises:
        BadInputError: ``out`` holds something else, or cannot be written.
    """
    require_outside(out, dataset.folder)
    if out.resolve().is_relative_to(dataset.folder.resolve()):
        raise BadInputError(f"the results would lie in the data set's own folder {dataset.folder}: choose another")
    dataset, old = numbered(dataset) if own else (dataset, {})
    work = _opened(out)
    tasks = [Task(case, work, rules, source_of(case, rules)) for case in dataset.cases]
    records = _all(tasks, jobs, progress)
    kept, twice = _once(records)
    failed = [LeftOut(record.name, record.check, record.why) for record in records if record.check]
    left_out = tuple(sorted((*dataset.left_out, *failed, *twice), key=lambda one: one.name))
    prepared = Prepared(dataset, tuple(kept), left_out)
    if not kept:
        shutil.rmtree(work)
        return prepared
    sources = {case.name: str(case.image.relative_to(dataset.folder)) for case in dataset.cases}
    sources |= {one.name: old.get(one.name, one.name) for one in dataset.left_out}
    try:
        _clear(work, {record.name for record in kept}, {case.name for case in dataset.cases})
        write_tables(work, dataset, kept, left_out, sources, asdict(rules))
        _put_in_place(work, out)
    except OSError as error:
        raise BadInputError(f"{out} cannot be written: {error.strerror}; the same command goes on") from error
    return prepared


def _put_in_place(work: Path, out: Path) -> None:
    for kind in KINDS[:2]:
        (work / kind).mkdir(exist_ok=True)
    if out.is_dir():
        out.rmdir()
    work.rename(out)


def _opened(out: Path) -> Path:
    """The hidden folder to work in: that of a run that was stopped, an earlier result, or a new one."""
    work = out.resolve().with_name(f".{out.resolve().name}.preparing")
    if out.exists() and not out.is_dir():
        raise BadInputError(f"{out} is a file, a folder for the results was expected: choose another name")
    if out.is_dir() and any(out.iterdir()):
        if not ((out / ABOUT_FILE).is_file() and (out / CHECKED).is_dir()):
            raise BadInputError(
                f"{out} already holds something that nodewise prepare did not write: choose another folder"
            )
        if work.exists():
            raise BadInputError(f"there are both {out} and the unfinished {work}: remove one of them")
        try:
            out.rename(work)
        except OSError as error:
            raise BadInputError(f"{out} cannot be written: {error.strerror}") from error
    make_folder(work / CHECKED)
    _clear_aside(work)
    return work


def _clear_aside(work: Path) -> None:
    """Remove what a process that was killed left half-written."""
    for left in (work / CHECKED).glob(".*.*"):
        shutil.rmtree(left, ignore_errors=True)


def _all(tasks: Sequence[Task], jobs: int, progress: Progress) -> list[CaseRecord]:
    found = {task.case.name: record for task in tasks if (record := _there(task))}
    missing = [task for task in tasks if task.case.name not in found]
    progress(len(found), len(tasks))
    try:
        with closing(_done(missing, jobs)) as done:
            for record in done:
                found[record.name] = record
                progress(len(found), len(tasks))
    finally:
        if missing:
            _clear_aside(missing[0].folder)
    return [found[name] for name in sorted(found)]


def _there(task: Task) -> CaseRecord | None:
    """The record of a case that is there as the task would make it."""
    record = read_case_record(task.folder / CHECKED / task.case.name)
    if record is None or record.source != task.source:
        return None
    image = task.folder / KINDS[0] / f"{record.name}.nii.gz"
    return record if record.check or image.is_file() else None


def _done(tasks: Sequence[Task], jobs: int) -> Generator[CaseRecord, None, None]:
    if min(jobs, len(tasks)) <= 1:
        yield from (task() for task in tasks)
        return
    ours = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=spawn, initializer=_leave_stops_to_the_parent)
    try:
        for future in as_completed([pool.submit(task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise BadInputError("a process was killed, mostly for want of memory: use fewer at a time (--jobs)") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - ours:
            child.terminate()
            child.join()


def _leave_stops_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _once(records: Sequence[CaseRecord]) -> tuple[list[CaseRecord], list[LeftOut]]:
    """The first of all records of the same voxels, and the others as left out."""
    first: dict[str, str] = {}
    kept, twice = [], []
    for record in records:
        if record.check:
            continue
        name = first.setdefault(record.content, record.name)
        if name == record.name:
            kept.append(record)
        else:
            twice.append(LeftOut(record.name, "duplicate", f"its scan is that of {name}, voxel for voxel"))
    return kept, twice


def _clear(work: Path, kept: set[str], known: set[str]) -> None:
    """Remove files of cases that are not kept, and records of cases that are no longer in the data set."""
    for kind in KINDS:
        for path in (work / kind).glob("*.nii.gz"):
            if path.name.removesuffix(".nii.gz") not in kept:
                path.unlink()
        if (work / kind).is_dir() and not any((work / kind).iterdir()):
            (work / kind).rmdir()
    for path in (work / CHECKED).iterdir():
        if path.name not in known:
            shutil.rmtree(path)


def patients_with_several(prepared: Prepared) -> Mapping[str, int]:
    """How many scans of a patient were kept, of those with more than one."""
    names = {record.name for record in prepared.kept}
    found: dict[str, int] = {}
    for case in prepared.dataset.cases:
        if case.name in names:
            found[case.patient] = found.get(case.patient, 0) + 1
    return {patient: count for patient, count in sorted(found.items()) if count > 1}
