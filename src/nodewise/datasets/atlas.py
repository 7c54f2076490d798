"""An atlas of nodes from a labelled data set: each scan laid over one of them, its nodes brought along (P3)."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nodewise.anatomy.atlas.lay import lay
from nodewise.anatomy.atlas.prior import StationVotes, case_nodes, prior_of
from nodewise.anatomy.registration.frame import frame_of
from nodewise.anatomy.registration.organs import Labelled
from nodewise.anatomy.registration.structures import STRUCTURES, VESSELS, labels_of, span
from nodewise.anatomy.registration.warp import carry
from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import LoadedCase, load_case
from nodewise.image.resample import resample
from nodewise.io.mask import read_mask
from nodewise.io.truthfile import read_truth
from nodewise.io.whole import whole
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.atlas import Atlas, CaseNodes, Origin
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

SPACING_MM = 3.0
MARGIN_MM = 15.0
GIVEN = "organs as labelled"
TRUTH_FILE = "truth.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """An atlas, and the scans that could not be used with why."""

    atlas: Atlas
    left_out: tuple[str, ...]


def build_atlas(
    cases: Sequence[LabelledCase],
    work: Path,
    origin: Origin,
    *,
    reference: str | None = None,
    onto: Atlas | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Built:
    """Lay every scan over the reference and bring their nodes together.

    Args:
        cases: whose nodes to take; those that a model is tested on left out.
        work: folder that keeps each scan's part, so that an interrupted build goes on where it was; removed at the end.
        origin: of the atlas; its ``reference`` is filled in.
        reference: name of the case that is the reference; the most ordinary one where None (see ``ordinary``).
        onto: an atlas whose reference to use instead.
        progress: told (done, total).

    Raises:
        BadInputError: no such reference, or it has no carina, or no scan could be used.
    """
    bare = onto or reference_atlas(_case(cases, reference or ordinary(cases)), origin)
    votes, found, left_out = StationVotes(bare.prior.grid), [], []
    for done, case in enumerate(cases):
        progress(done, len(cases))
        part = _kept(case, bare, work)
        if part is None:
            left_out.append(f"{case.name}: neither organs nor a carina to lay it by")
            continue
        nodes, stations = part
        found.append(nodes)
        if stations is not None:
            votes.add(stations)
    progress(len(cases), len(cases))
    if not found:
        raise BadInputError(f"no scan could be laid over the reference: {left_out[0] if left_out else 'there is none'}")
    prior, kept = prior_of(found, bare.prior.grid), replace(origin, reference=bare.origin.reference)
    atlas = replace(bare, prior=prior, stations=votes.result(), cases=tuple(found), origin=kept)
    shutil.rmtree(work, ignore_errors=True)
    return Built(atlas, tuple(left_out))


def ordinary(cases: Sequence[LabelledCase]) -> str:
    """The case whose lungs are nearest the middle in width, depth and height; the first where none are drawn."""
    sizes = {case.name: size for case in cases if (size := _lung_size(case)) is not None}
    if not sizes:
        return cases[0].name
    logs = np.log(np.array(list(sizes.values())))
    away = np.abs(logs - np.median(logs, axis=0)).sum(axis=1)
    return list(sizes)[int(away.argmin())]


def organ_names(case: LabelledCase) -> Mapping[int, str] | None:
    """Names of the labels of a case's organs, as the data set or the ``truth.json`` beside them tells; else None."""
    if case.organ_names is not None:
        return {label: name for name, label in case.organ_names.items()}
    if case.organs is None or not (case.organs.parent / TRUTH_FILE).is_file():
        return None
    return {label: name for name, label in read_truth(case.organs.parent / TRUTH_FILE).organs.items()}


def anatomy_of(loaded: LoadedCase) -> Anatomy:
    """The organs as labelled, where they are and have names; else what is read off the CT."""
    from nodewise.anatomy.read import read_anatomy

    names = organ_names(loaded.case)
    if loaded.organs is None or names is None:
        return read_anatomy(loaded.study)
    grid = loaded.study.ct.grid
    corners = grid.to_lps(grid.corners)
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    region = Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    return Anatomy(MappingProxyType({}), region, GIVEN, organs=loaded.organs, organ_names=names)


def reference_atlas(case: LabelledCase, origin: Origin) -> Atlas:
    """An atlas without nodes: organs, CT and landmarks of one scan on a lattice of 3 mm.

    Raises:
        BadInputError: the carina is not found in it.
    """
    from nodewise.anatomy.read import read_anatomy

    loaded = load_case(case)
    read = read_anatomy(loaded.study)
    frame = frame_of(read)
    if frame is None:
        raise BadInputError(f"{case.name} cannot be the reference: no carina was found in it, choose another")
    names = organ_names(case)
    organs, named = (loaded.organs, names) if loaded.organs and names else (read.organs, dict(read.organ_names))
    assert organs is not None
    grid = _grid_around(Labelled(organs, named))
    on_grid = resample(organs, grid)
    nothing = Volume(np.zeros(grid.shape, np.float32, order="F"), grid, Quantity.PROBABILITY)
    there = set(np.unique(on_grid.array).tolist())
    empty = CaseNodes(case.name, case.patient, np.empty(0, np.int32), np.empty(0, np.uint8), "reference", 0.0)
    return Atlas(
        prior=nothing,
        organs=on_grid,
        organ_names=MappingProxyType({label: name for label, name in named.items() if label in there}),
        stations=Volume(np.zeros(grid.shape, np.uint8, order="F"), grid, Quantity.LABEL),
        frame=frame,
        cases=(empty,),
        origin=replace(origin, reference=case.name),
        ct=resample(loaded.study.ct, grid),
    )


def _kept(case: LabelledCase, bare: Atlas, work: Path) -> tuple[CaseNodes, Volume | None] | None:
    """One scan's part, from ``work`` where it is there."""
    grid = bare.prior.grid
    mark = hashlib.sha256(f"{bare.origin.reference} {grid.shape} {grid.affine.tolist()}".encode()).hexdigest()[:12]
    folder = work / f"{case.name}-{mark}"
    if not folder.is_dir():
        part = _part(case, bare)
        if part is None:
            return None
        nodes, stations = part
        with whole(folder, overwrite=True) as aside:
            maps: dict[str, Any] = {"voxels": nodes.voxels, "share": nodes.share, "folding": np.array(nodes.folding)}
            if stations is not None:
                maps["stations"] = stations.array
            np.savez_compressed(aside / "part.npz", **maps)
            (aside / "method.txt").write_text(nodes.method, encoding="utf-8")
    with np.load(folder / "part.npz", allow_pickle=False) as saved:
        method = (folder / "method.txt").read_text(encoding="utf-8")
        nodes = CaseNodes(case.name, case.patient, saved["voxels"], saved["share"], method, float(saved["folding"]))
        return nodes, Volume(saved["stations"], grid, Quantity.LABEL) if "stations" in saved else None


def _part(case: LabelledCase, bare: Atlas) -> tuple[CaseNodes, Volume | None] | None:
    loaded = load_case(case)
    anatomy, grid = anatomy_of(loaded), bare.prior.grid
    warp = lay(anatomy, bare)
    if warp is None:
        return None
    stations = loaded.stations or anatomy.stations
    carried = None if stations is None else carry(stations, warp, grid, "reference")
    return case_nodes(case.name, case.patient, loaded.nodes, warp, grid), carried


def _case(cases: Sequence[LabelledCase], name: str) -> LabelledCase:
    found = next((case for case in cases if case.name == name), None)
    if found is None:
        raise BadInputError(f"there is no case {name} to be the reference among the {len(cases)} of the atlas")
    return found


def _lung_size(case: LabelledCase) -> tuple[float, float, float] | None:
    names = organ_names(case)
    if case.organs is None or names is None:
        return None
    organs = read_mask(case.organs)
    sides = [[label for label in labels_of(names, ("lung_",)) if side in names[label]] for side in ("right", "left")]
    if not all(np.isin(organs.array, side).any() for side in sides):
        return None
    low, high = span(organs, (*sides[0], *sides[1]))
    size = high - low + 1.0
    return float(size[0]), float(size[1]), float(size[2])


def _grid_around(side: Labelled) -> Grid:
    """3 mm along the patient's axes around the organs that registrations look at and the lungs."""
    wanted = tuple(begin for begins in {**STRUCTURES, **VESSELS}.values() for begin in begins)
    labels = labels_of(side.names, (*wanted, "lung_"))
    low, high = span(side.organs, labels)
    low, high = low - MARGIN_MM, high + MARGIN_MM
    shape = np.ceil((high - low) / SPACING_MM).astype(int).tolist()
    x, y, z = (low + SPACING_MM / 2).tolist()
    return Grid.of((shape[0], shape[1], shape[2]), (SPACING_MM,) * 3, (x, y, z))
