"""Labelled scans as P3's network learns from them: the lungs' box with its maps, resampled and kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nodewise.datasets.read import load_case
from nodewise.image.resample import resample
from nodewise.learn.case_cache import CachedCase, Case, CaseFiles, cached
from nodewise.learn.loss import IGNORE
from nodewise.learn.loss_prior import UNKNOWN
from nodewise.models.prior_preparation import PriorPreparation, prior_on
from nodewise.recipes.atlas_prior.after import Answer, lung_hull
from nodewise.recipes.atlas_prior.survey import Surveyed
from nodewise.values.anatomy import Anatomy
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

NODE, PRIOR, INSIDE = 0, 1, 2
"""The label arrays of a case: node, the prior's byte, and 1 within the lungs' hull."""


Lay = Callable[[Surveyed], Anatomy]
"""The anatomy of a surveyed case with its prior; a function of a module, or a value that can be called."""


def prior_cases(
    found: Sequence[Surveyed],
    preparation: PriorPreparation,
    lay: Lay,
    how: str,
    folder: Path,
    *,
    processes: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[CachedCase, ...]:
    """Each surveyed case as the network sees it.

    Nodes that a partly annotated case does not label count as background, as in P3; what it says is unknown is ignored.

    Args:
        found: what was surveyed.
        preparation: of the network.
        lay: see there.
        how: all that decides what it gives, in words.
        folder: of the cache.
        processes: how many prepare at the same time; 0 for this one alone.
        progress: told (done, all).

    Raises:
        BadInputError: a case cannot be read, or its anatomy lacks a map that is needed.
    """
    known = {one.case.name: one for one in found}
    files = [CaseFiles(one.case.name, one.case.annotation, tuple(_files(one))) for one in found]
    meant = sorted({(str(one.case.node_label), str(one.case.ignore_label)) for one in found})
    words = f"atlas_prior {preparation} {how} labels {meant} nodewise {version('nodewise')}"
    return cached(
        files, partial(_prepared, known, preparation, lay), words, folder, processes=processes, progress=progress
    )


def answer_of(case: CachedCase, probability: npt.NDArray[np.float32]) -> Answer:
    """A network's answer on a cached case, with the maps that are kept beside it, to be post-processed."""
    labels = case.labels()
    prior = np.where(labels[PRIOR] == UNKNOWN, 0, labels[PRIOR]) / np.float32(UNKNOWN - 1)
    return Answer(probability, prior.astype(np.float32), np.asarray(labels[INSIDE] == 1), grid_of(case))


def grid_of(case: CachedCase) -> Grid:
    """Voxels of a cached case's spacing; where they lie in the patient is not kept."""
    (a, b, c), (x, y, z) = case.shape, case.spacing
    return Grid.of((a, b, c), (x, y, z))


def _files(one: Surveyed) -> list[Path]:
    case = one.case
    return [path for path in (case.image, case.nodes, case.ignore, one.kept) if path is not None]


def _prepared(known: Mapping[str, Surveyed], preparation: PriorPreparation, lay: Lay, files: CaseFiles) -> Case:
    one = known[files.name]
    loaded, anatomy = load_case(one.case), lay(one)
    ct = loaded.study.ct
    native, grid = preparation.grids(ct.grid, anatomy)
    node = (_share(loaded.nodes, native, grid) >= 0.5).astype(np.uint8)
    if loaded.ignore is not None:
        node[(_share(loaded.ignore, native, grid) >= 0.5) & (node == 0)] = IGNORE
    prior = np.rint(prior_on(anatomy, grid) * (UNKNOWN - 1)).astype(np.uint8)
    inside = lung_hull(anatomy, grid).astype(np.uint8)
    return Case(preparation.stored(ct, anatomy, native, grid), (node, prior, inside), grid.spacing)


def _share(labels: Volume, native: Grid, grid: Grid) -> npt.NDArray[np.float32]:
    """How much of each voxel of ``grid`` is labelled, linearly."""
    inside = labels.array[labels.grid.box_of(native).slices] > 0
    return resample(Volume(inside.astype(np.float32), native, Quantity.PROBABILITY), grid).array
