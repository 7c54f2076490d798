"""Many drawn patients on disk, by many processes, each patient whole or absent."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

from nodewise.io.truthfile import read_truth
from nodewise.phantom.annotated import check_style
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.drawn_body import check_hard
from nodewise.phantom.patient import make_patient
from nodewise.phantom.scan.tissue import Phase
from nodewise.phantom.write import FORMATS, clear_aside, patient_name, write_patient
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point

Progress = Callable[[int, int], None]
_SPACING_MM = (0.4, 10.0)
_WRITING = ("fmt", "annotation")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of every patient of a cohort: the arguments of ``make_patient``, and how it is written.

    Raises:
        BadInputError: what cannot be drawn or written.
    """

    spacing_mm: Point = (0.8, 0.8, 2.0)
    region: BodyRegion = BodyRegion.CHEST
    hard: tuple[str, ...] | None = None
    pet: bool = False
    phase: Phase | None = None
    slice_mm: float | None = None
    varied: bool = False
    fmt: str = "nifti"
    annotation: str = "full"

    def __post_init__(self) -> None:
        if not all(_SPACING_MM[0] <= s <= _SPACING_MM[1] for s in self.spacing_mm):
            raise BadInputError(
                f"voxels of {' × '.join(f'{s:g}' for s in self.spacing_mm)} mm cannot be: "
                f"each side is {_SPACING_MM[0]:g} to {_SPACING_MM[1]:g} mm"
            )
        check_hard(self.hard, self.region)
        check_style(self.annotation, self.region)
        if self.fmt not in FORMATS:
            raise BadInputError(f"no phantoms in format {self.fmt}: choose {' or '.join(FORMATS)}")

    @property
    def words(self) -> dict[str, str]:
        """As kept in ``truth.json``; what is drawn from the seed is ``drawn``."""
        told = {
            "spacing_mm": "drawn" if self.varied else " × ".join(f"{s:g}" for s in self.spacing_mm),
            "hard": "drawn" if self.hard is None else " ".join(self.hard) or "nothing",
            "phase": self.phase.value if self.phase else "drawn",
            "slice_mm": "drawn" if self.varied else f"{self.slice_mm or self.spacing_mm[2]:g}",
            "pet": "yes" if self.pet else "no",
            "format": self.fmt,
            "annotation": self.annotation,
            "nodewise": version("nodewise"),
        }
        return {"region": self.region.value, **told}


def write_cohort(
    out: Path,
    patients: int,
    seed: int,
    plan: Plan = Plan(),
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> None:
    """Write ``patients`` patients, the first from ``seed``, as ``write_patient`` does; those already whole are kept.

    Args:
        out: folder, made where it is missing.
        patients: how many.
        seed: of the first; each next one is one more.
        plan: what is asked of each.
        processes: how many at a time; the files are the same whatever their number.
        progress: told (done, total).

    Raises:
        BadInputError: ``out`` holds one of these patients made otherwise, or the plan cannot be.
    """
    seeds = range(seed, seed + patients)
    missing = [s for s in seeds if not _is_there(out, s, plan)]
    done = patients - len(missing)
    try:
        with closing(_written(out, missing, plan, processes)) as written:
            for count in written:
                if progress is not None:
                    progress(done + count, patients)
    finally:
        for s in missing:
            clear_aside(out, s)


def _is_there(out: Path, seed: int, plan: Plan) -> bool:
    name = patient_name(seed)
    path = out / "truth" / name / "truth.json"
    if not path.is_file():
        return False
    made, wanted = read_truth(path).made, plan.words
    other = next((key for key in wanted if made.get(key) != wanted[key]), None)
    if other is not None:
        raise BadInputError(
            f"{out} holds {name} made with {other} {made.get(other)}, not {wanted[other]}: choose another folder"
        )
    return True


def _written(out: Path, seeds: list[int], plan: Plan, processes: int) -> Generator[int, None, None]:
    """Write patients; yields how many are done, first 0."""
    yield 0
    if min(processes, len(seeds)) <= 1:
        for count, seed in enumerate(seeds, 1):
            _write(out, seed, plan)
            yield count
        return
    ours = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(seeds)), mp_context=spawn, initializer=_leave_stops_to_the_parent)
    try:
        work = [pool.submit(_write, out, seed, plan) for seed in seeds]
        for count, future in enumerate(as_completed(work), 1):
            future.result()
            yield count
    except BrokenProcessPool as error:
        raise BadInputError("a process was killed, mostly for want of memory: use fewer at a time (--jobs)") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - ours:
            child.terminate()
            child.join()


def _leave_stops_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write(out: Path, seed: int, plan: Plan) -> None:
    """Make and write one patient, with one thread for matrix products: their sums depend on the number."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    asked = {f.name: getattr(plan, f.name) for f in fields(plan) if f.name not in _WRITING}
    with threadpool_limits(1):
        write_patient(out, seed, make_patient(seed, **asked), plan.fmt, plan.words, plan.annotation)
