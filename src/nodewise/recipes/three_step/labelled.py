"""A data set of labelled scans as what the steps learn from: cut, resampled and kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.read import read_anatomy
from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import LoadedCase, load_case
from nodewise.image.resample import resample
from nodewise.learn.case_cache import CachedCase, Case, CaseFiles, cached
from nodewise.learn.loss import IGNORE
from nodewise.models.preparation import Preparation
from nodewise.recipes.three_step.examples import Example
from nodewise.values.anatomy import Region
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

Labels = npt.NDArray[np.uint8]


def node_cases(
    cases: Sequence[LabelledCase],
    preparation: Preparation,
    folder: Path,
    *,
    processes: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[CachedCase, ...]:
    """The mediastinum of each case: HU int16, and node (1, 0, or ``IGNORE``) uint8, on the network's voxels.

    The mediastinum is the box of the drawn stations where there are any (P1, section 2.4), and that of the landmarks
    elsewhere. A case that is annotated in part is a source of its own: its unlabelled nodes count as none, as in P3.

    Raises:
        BadInputError: a case cannot be read.
    """
    known = {case.name: case for case in cases}
    files = [CaseFiles(case.name, case.annotation, _files(case)) for case in cases]
    meant = sorted({(str(case.node_label), str(case.ignore_label)) for case in cases})
    words = f"nodes {preparation} labels {meant} nodewise {version('nodewise')}"
    return cached(files, partial(_nodes, known, preparation), words, folder, processes=processes, progress=progress)


def example_of(case: CachedCase) -> Example:
    """All of a cached case, to validate on; it stays on disk until it is looked at."""
    node = case.labels()[0]
    tissue, sure = (np.broadcast_to(np.uint8(value), node.shape) for value in (IGNORE, 1))
    return Example(case.image()[0], node, tissue, sure, real=True)


def mediastinum_of(loaded: LoadedCase) -> Region:
    """Box of the drawn stations; of the landmarks where there are none."""
    if loaded.stations is None or not loaded.stations.array.any():
        return read_anatomy(loaded.study).mediastinum
    return region_around(loaded.stations)


def region_around(labels: Volume, margin_mm: float = 0.0) -> Region:
    """The box, along the patient's axes, of all that is labelled."""
    corners = labels.grid.to_lps(_corners(labels.array > 0))
    low, high = (corners.min(axis=0) - margin_mm).tolist(), (corners.max(axis=0) + margin_mm).tolist()
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _nodes(known: Mapping[str, LabelledCase], preparation: Preparation, files: CaseFiles) -> Case:
    loaded = load_case(known[files.name])
    region = mediastinum_of(loaded)
    native, grid = preparation.grids(loaded.study.ct.grid, region)
    hu = preparation.resampled(loaded.study.ct, native, grid)
    node = (_share(loaded.nodes, native, grid) >= 0.5).astype(np.uint8)
    if loaded.ignore is not None:
        node[(_share(loaded.ignore, native, grid) >= 0.5) & (node == 0)] = IGNORE
    stored = np.clip(np.rint(hu), -32768, 32767).astype(np.int16)
    return Case(stored[None], (node,), grid.spacing)


def _share(labels: Volume, native: Grid, grid: Grid) -> npt.NDArray[np.float32]:
    """How much of each voxel of ``grid`` is labelled, linearly; nothing outside ``native``, where the CT is dark."""
    inside = labels.array[labels.grid.box_of(native).slices] > 0
    return resample(Volume(inside.astype(np.float32), native, Quantity.PROBABILITY), grid).array


def _corners(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The eight corner voxels of the box around a mask, (8, 3)."""
    spans = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))[[0, -1]] for axis in range(3)]
    return np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float64)


def _files(case: LabelledCase) -> tuple[Path, ...]:
    return tuple(p for p in (case.image, case.nodes, case.stations, case.ignore) if p is not None)
