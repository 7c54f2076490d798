"""Training cases kept on disk as arrays to be mapped into memory, so that a patch costs no more than its own voxels.

A case lies in a folder named by the SHA-256 of the files it came from and of how it was prepared: one that has
changed has another name, and no stale one is ever read.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.learn.loss import IGNORE
from nodewise.values.errors import BadInputError

Array = npt.NDArray[Any]
Labels = npt.NDArray[np.uint8]
FORMAT = "1"
_KEPT_VOXELS = 2000  # of each class, to centre patches on
_BLOCK = 1 << 22
_ABANDONED_S = 86400.0


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """A case to be cached: its name, the data set it belongs to, and all it is made from.

    Attributes:
        files: files, or folders with all they hold.
    """

    name: str
    source: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A prepared case.

    Attributes:
        image: (channels, x, y, z) or (channels, x, y): float32, float16 or int16.
        labels: uint8 arrays of the image's spatial shape, ``IGNORE`` where nothing is known; patches are centred on
            the classes of the first.
        spacing: mm along each axis.

    Raises:
        ValueError: the parts do not fit together.
    """

    image: Array
    labels: tuple[Labels, ...]
    spacing: tuple[float, ...]

    def __post_init__(self) -> None:
        shape = self.image.shape[1:]
        if self.image.dtype not in (np.float32, np.float16, np.int16) or len(shape) not in (2, 3) or 0 in shape:
            raise ValueError(f"an image is (channels, x, y, z), not {self.image.dtype} {self.image.shape}")
        if not self.labels or any(one.shape != shape or one.dtype != np.uint8 for one in self.labels):
            raise ValueError(f"each label array is uint8 of shape {shape}")
        if len(self.spacing) != len(shape) or min(self.spacing) <= 0:
            raise ValueError(f"{len(shape)} axes have as many spacings above 0, not {self.spacing}")


@dataclass(frozen=True, slots=True)
class CachedCase:
    """A case on disk; small, and sent to other processes as it is.

    Attributes:
        key: SHA-256 of its content and preparation, the name of ``folder``.
        shape: voxels along each axis.
        classes: (class, first row, row after the last) in ``places``, for each class but 0 of the first label array.
    """

    name: str
    source: str
    key: str
    folder: Path
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    classes: tuple[tuple[int, int, int], ...]

    def image(self) -> Array:
        """(channels, x, y, z), mapped."""
        return _map(self.folder / "image.npy")

    def labels(self) -> tuple[Labels, ...]:
        """Each (x, y, z), mapped."""
        return tuple(_map(self.folder / "labels.npy"))

    def place(self, row: int) -> tuple[int, ...]:
        """Voxel index of a row of ``classes``."""
        return tuple(int(i) for i in np.load(self.folder / "places.npy", mmap_mode="r")[row])


def cached(
    cases: Sequence[CaseFiles],
    prepare: Callable[[CaseFiles], Case],
    preparation: str,
    folder: Path,
    *,
    processes: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[CachedCase, ...]:
    """The cases, in order, each prepared unless ``folder`` has it already; what was stopped goes on.

    Args:
        cases: what is wanted.
        prepare: makes a case; a function of a module, where there are processes.
        preparation: everything else that decides what ``prepare`` gives, in words: spacing, windows, versions.
        folder: of the cache; others may use it at the same time.
        processes: how many prepare at the same time; 0 for this one alone.
        progress: told (done, all).

    Raises:
        BadInputError: a file is missing, or cannot be prepared; the message names the case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    done: list[CachedCase | None] = [None] * len(cases)
    if not processes:
        for i, case in enumerate(cases):
            done[i] = _one(case, prepare, preparation, folder)
            progress(i + 1, len(cases))
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max(1, min(processes, len(cases))), mp_context=spawn) as pool:
            work = {pool.submit(_one, case, prepare, preparation, folder): i for i, case in enumerate(cases)}
            try:
                for count, future in enumerate(as_completed(work), 1):
                    done[work[future]] = future.result()
                    progress(count, len(cases))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return tuple(case for case in done if case is not None)


def content_key(files: Sequence[Path], preparation: str) -> str:
    """SHA-256 of what the files hold, of the names of those in folders, and of the preparation.

    Raises:
        BadInputError: a file cannot be read.
    """
    digest = hashlib.sha256(f"{FORMAT}\0{preparation}\0".encode())
    for path in files:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for part in inside:
            name = part.relative_to(path).as_posix() if part != path else ""
            try:
                with part.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise BadInputError(f"{part} cannot be read: {error.strerror}") from error
            digest.update(f"{name}\0{content}\0".encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _one(case: CaseFiles, prepare: Callable[[CaseFiles], Case], preparation: str, folder: Path) -> CachedCase:
    try:
        key = content_key(case.files, preparation)
        there = folder / key
        if not there.exists():
            _write(prepare(case), there)
    except (BadInputError, ValueError) as error:
        raise BadInputError(f"{case.name} cannot be prepared for training: {error}") from error
    return _open(case, key, there)


def _open(case: CaseFiles, key: str, folder: Path) -> CachedCase:
    try:
        shape, spacing = _map(folder / "image.npy").shape[1:], np.load(folder / "spacing.npy")
        classes = np.load(folder / "classes.npy")
    except (OSError, EOFError, ValueError) as error:
        raise BadInputError(f"{folder} is damaged: delete it, it is made again") from error
    rows = tuple((int(c), int(a), int(b)) for c, a, b in classes)
    return CachedCase(case.name, case.source, key, folder, shape, tuple(map(float, spacing)), rows)


def _write(case: Case, folder: Path) -> None:
    """Written aside and renamed: a kill leaves nothing under that name, or all of it."""
    classes, places = _foreground(case.labels[0])
    aside = folder.with_name(f".{folder.name[:16]}.{uuid.uuid4().hex[:8]}.part")
    aside.mkdir()
    try:
        _save(aside / "image.npy", _reversed(case.image))
        _save(aside / "labels.npy", np.stack([one.T for one in case.labels]))
        _save(aside / "spacing.npy", np.array(case.spacing))
        _save(aside / "classes.npy", classes)
        _save(aside / "places.npy", places)
        try:
            aside.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was as quick
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _foreground(labels: Labels) -> tuple[Array, Array]:
    """Rows (class, first, after the last), and the voxels (n, axes), a fair sample of those of each class."""
    flat = labels.ravel(order="F")
    there = sum(np.bincount(flat[i : i + _BLOCK], minlength=256) for i in range(0, len(flat), _BLOCK))
    rng = np.random.default_rng(0)
    rows, kept, total = [], [np.zeros((0, labels.ndim), np.int32)], 0
    for label in sorted(set(np.flatnonzero(there).tolist()) - {0, IGNORE}):
        voxels = np.flatnonzero(flat == label)
        if len(voxels) > _KEPT_VOXELS:
            voxels = np.sort(rng.choice(voxels, _KEPT_VOXELS, replace=False))
        rows.append((label, total, total + len(voxels)))
        kept.append(np.stack(np.unravel_index(voxels, labels.shape, order="F"), axis=1))
        total += len(voxels)
    return np.array(rows, np.int64).reshape(-1, 3), np.concatenate(kept).astype(np.int32)


def _reversed(array: Array) -> Array:
    """(n, x, y, z) as (n, z, y, x) and back: on disk x runs fastest."""
    return array.transpose(0, *range(array.ndim - 1, 0, -1))


def _map(path: Path) -> Array:
    return _reversed(np.load(path, mmap_mode="r"))


def _save(path: Path, array: Array) -> None:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array))
        file.flush()
        os.fsync(file.fileno())


def _sweep(folder: Path) -> None:
    """Delete what a run killed more than a day ago left half written."""
    for path in folder.glob(".*.part"):
        if path.is_dir() and time.time() - path.stat().st_mtime > _ABANDONED_S:
            shutil.rmtree(path, ignore_errors=True)
