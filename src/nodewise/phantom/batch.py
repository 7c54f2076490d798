"""Patients written to disk by many processes, each of them whole or absent, and kept when made again."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nodewise.io.truthfile import read_truth
from nodewise.io.whole import whole
from nodewise.values.errors import BadInputError

Progress = Callable[[int, int], None]
FORMATS = ("nifti", "dicom")


@dataclass(frozen=True, slots=True)
class Task:
    """One patient to write.

    Attributes:
        name: of its files.
        made: the settings, as kept in its ``truth.json``.
        write: writes it by ``whole_patient``; may be sent to another process.
    """

    name: str
    made: Mapping[str, str]
    write: Callable[[], None]


def check_format(fmt: str) -> None:
    """Refuse a format of scans that there is not.

    Raises:
        BadInputError: it is none of ``FORMATS``.
    """
    if fmt not in FORMATS:
        raise BadInputError(f"no phantoms in format {fmt}: choose {' or '.join(FORMATS)}")


def write_patients(out: Path, tasks: Sequence[Task], *, processes: int = 1, progress: Progress | None = None) -> None:
    """Write the patients that are not there yet.

    Args:
        out: folder, made where it is missing.
        tasks: one a patient.
        processes: how many at a time; the files are the same whatever their number.
        progress: told (done, total).

    Raises:
        BadInputError: ``out`` holds one of these patients made otherwise, or one cannot be made.
    """
    missing = [task for task in tasks if not _is_there(out, task)]
    done = len(tasks) - len(missing)
    try:
        with closing(_written(missing, processes)) as written:
            for count in written:
                if progress is not None:
                    progress(done + count, len(tasks))
    finally:
        for task in missing:
            _clear_aside(out, task.name)
        with suppress(OSError):
            (out / "truth").rmdir()  # empty, where nothing could be made


@contextmanager
def whole_patient(out: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Two hidden folders to write a patient into: one that becomes ``out/truth/name``, and one for all else.

    What is ``images/phantom-0007`` in the second is moved to ``out/images/phantom-0007``, replacing what is there. The
    truth is moved last: a patient with a truth is whole.
    """
    with whole(out / "truth" / name, overwrite=True) as folder:
        scans = folder / "scans"
        scans.mkdir()
        yield folder, scans
        for path in sorted(scans.glob("*/*")):
            _move(path, out / path.parent.name / path.name)
        shutil.rmtree(scans)


def _move(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        shutil.rmtree(place)
    path.replace(place)


def _clear_aside(out: Path, name: str) -> None:
    """Remove what a killed process left half-written of a patient."""
    for left in (out / "truth").glob(f".{name}.*.writing"):
        shutil.rmtree(left, ignore_errors=True)


def _is_there(out: Path, task: Task) -> bool:
    path = out / "truth" / task.name / "truth.json"
    scans = (out / "images" / task.name, out / "images" / f"{task.name}.nii.gz")
    if not path.is_file() or not any(scan.exists() for scan in scans):
        return False
    made = read_truth(path).made
    other = next((key for key in task.made if made.get(key) != task.made[key]), None)
    if other is not None:
        raise BadInputError(
            f"{out} holds {task.name} made with {other} {made.get(other)}, not {task.made[other]}: "
            "choose another folder"
        )
    return True


def _written(tasks: Sequence[Task], processes: int) -> Generator[int, None, None]:
    """Write patients; yields how many are done, first 0."""
    yield 0
    if min(processes, len(tasks)) <= 1:
        for count, task in enumerate(tasks, 1):
            _write(task)
            yield count
        return
    ours = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(tasks)), mp_context=spawn, initializer=_leave_stops_to_the_parent)
    try:
        work = [pool.submit(_write, task) for task in tasks]
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


def _write(task: Task) -> None:
    """Write one patient, with one thread for matrix products: their sums depend on the number."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        task.write()
