"""A folder of drawn phantoms to train on, made once and by as many processes as there are threads."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nodewise.values.grid import Point

if TYPE_CHECKING:
    from nodewise.phantom.geometry import Geometry

FIRST_SEED = 10_000_000  # phantoms to evaluate on have small seeds: none of them is ever trained on
SEEDS_A_RUN = 100_000


def phantom_bank(
    folder: Path, count: int, seed: int, spacing_mm: Point, *, processes: int, progress: Callable[[int], None]
) -> list[Geometry]:
    """``count`` phantom mediastina; those already in ``folder`` are kept.

    Args:
        folder: one file a phantom, named by its seed.
        count: how many.
        seed: of the run; phantom i has seed ``FIRST_SEED + SEEDS_A_RUN * seed + i``.
        spacing_mm: of their grids.
        processes: how many at a time.
        progress: told how many are there.
    """
    from nodewise.phantom.patches import load_geometry

    seeds = [FIRST_SEED + SEEDS_A_RUN * seed + i for i in range(count)]
    draw = partial(_draw, spacing_mm=spacing_mm)
    return [load_geometry(path) for path in drawn_files(folder, seeds, draw, processes, progress)]


def drawn_files(
    folder: Path,
    seeds: Sequence[int],
    draw: Callable[[Path, int], None],
    processes: int,
    progress: Callable[[int], None],
) -> list[Path]:
    """One file a seed, named by it; ``draw`` writes those that ``folder`` lacks, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{s}.npz" for s in seeds]
    missing = [(path, s) for path, s in zip(paths, seeds, strict=True) if not path.exists()]
    if missing:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(missing)), mp_context=spawn) as pool:
            work = [pool.submit(draw, path, s) for path, s in missing]
            for done, future in enumerate(as_completed(work), len(seeds) - len(missing) + 1):
                future.result()
                progress(done)
    return paths


def _draw(path: Path, seed: int, spacing_mm: Point) -> None:
    """Drawn, written aside and renamed: a kill leaves no half file."""
    from nodewise.phantom.chest import make_chest
    from nodewise.phantom.patches import save_geometry

    geometry = make_chest(seed, spacing_mm, mediastinum_only=True).geometry
    aside = path.with_suffix(".part.npz")
    save_geometry(geometry, aside)
    aside.replace(path)
