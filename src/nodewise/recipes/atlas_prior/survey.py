"""One pass over labelled scans before anything is planned: anatomy, the lungs' box, and what nodes look like.

Reading the anatomy takes seconds a scan, so it is kept beside the cases, under a name that follows from the scan's
content and from how it was read.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import load_case
from nodewise.learn.case_cache import content_key
from nodewise.learn.planner import Fingerprint
from nodewise.models.nnunet_preparation import Intensity
from nodewise.models.preparation import Preparation
from nodewise.models.prior_preparation import lung_region
from nodewise.recipes.atlas_prior.prior import DAMAGED, Nodes
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

ReadAnatomy = Callable[[Study], Anatomy]
"""A function of a module, or a partial of one: where several processes survey, it is sent to them."""

FOREGROUND_VOXELS = 10_000  # of each scan, as nnU-Net takes
NODE_POINTS = 50_000  # of each scan, to be put into an atlas
_MAPS = ("organs", "stations", "prior", "distance")


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """What is known of one case: where its anatomy is kept, and its box about the lungs; small, and sent to processes.

    Attributes:
        spacing, shape: of the CT's voxels in the box.
    """

    case: LabelledCase
    kept: Path
    spacing: tuple[float, ...]
    shape: tuple[int, ...]

    def anatomy(self) -> Anatomy:
        """Landmarks and maps, as they were read."""
        return load_anatomy(self.kept)

    def nodes(self) -> Nodes:
        """Where its nodes are."""
        points, volume = _kept(self.kept, "node_lps", "node_mm3")
        return Nodes(points, float(volume))

    def node_hu(self) -> npt.NDArray[np.float32]:
        """HU of up to ``FOREGROUND_VOXELS`` voxels of its nodes."""
        (hu,) = _kept(self.kept, "node_hu")
        return hu


def survey(
    cases: Sequence[LabelledCase],
    read: ReadAnatomy,
    how: str,
    folder: Path,
    margin_mm: float,
    *,
    processes: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Surveyed, ...]:
    """Look at every case once; what is kept in ``folder`` already is not read again.

    Args:
        cases: labelled scans.
        read: their anatomy.
        how: all that decides what ``read`` gives, in words.
        folder: of what is kept.
        margin_mm: around the lungs.
        processes: how many work at the same time; 0 for this one alone.
        progress: told (done, all).

    Raises:
        BadInputError: a case cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = partial(_one, read=read, how=f"{how} {margin_mm:g}", folder=folder, margin_mm=margin_mm)
    found = []
    if processes:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, max(1, len(cases))), mp_context=spawn) as pool:
            for one in pool.map(work, cases):
                found.append(one)
                progress(len(found), len(cases))
    else:
        for case in cases:
            found.append(work(case))
            progress(len(found), len(cases))
    return tuple(found)


def fingerprint_of(found: Sequence[Surveyed]) -> Fingerprint:
    """Spacings and sizes of the lungs' boxes, along x, y and z."""
    return Fingerprint(tuple(one.spacing for one in found), tuple(one.shape for one in found))


def intensity_of(found: Sequence[Surveyed]) -> Intensity:
    """Mean, deviation and the 0.5 and 99.5 percentiles of all voxels of nodes that were kept, as nnU-Net takes them.

    Raises:
        BadInputError: no case has a node.
    """
    hu = np.concatenate([one.node_hu() for one in found]) if found else np.zeros(0, np.float32)
    if not hu.size:
        raise BadInputError("no case has a node: there is nothing to learn from")
    low, high = np.percentile(hu, (0.5, 99.5)).tolist()
    return Intensity(mean=float(hu.mean()), std=float(hu.std()), percentile_00_5=low, percentile_99_5=high)


def save_anatomy(anatomy: Anatomy, path: Path, **more: Any) -> None:
    """What of an anatomy a network and its answer need, and other arrays; written aside and renamed."""
    told: dict[str, Any] = {
        "how": anatomy.how,
        "names": {str(n): name for n, name in anatomy.organ_names.items()},
        "low": anatomy.mediastinum.low_mm,
        "high": anatomy.mediastinum.high_mm,
        "quantities": {},
        "landmarks": {name: (m.lps_mm, m.status.name, m.confidence) for name, m in anatomy.landmarks.items()},
    }
    arrays: dict[str, Any] = {}
    for name in _MAPS:
        volume: Volume | None = getattr(anatomy, name)
        if volume is not None:
            told["quantities"][name] = volume.quantity.name
            arrays |= {name: volume.array, f"{name}_affine": volume.grid.affine}
    aside = path.with_suffix(f".{os.getpid()}.part.npz")
    np.savez_compressed(aside, told=np.array(json.dumps(told)), **arrays, **more)
    aside.replace(path)


def load_anatomy(path: Path) -> Anatomy:
    """What ``save_anatomy`` kept.

    Raises:
        BadInputError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            told = json.loads(str(file["told"]))
            maps: dict[str, Any] = {
                name: Volume(file[name], Grid(file[name].shape, file[f"{name}_affine"]), Quantity[quantity])
                for name, quantity in told["quantities"].items()
            }
    except DAMAGED as error:
        raise BadInputError(f"{path} is damaged: delete it, it is made again") from error
    names: Mapping[int, str] = MappingProxyType({int(n): name for n, name in told["names"].items()})
    region = Region(tuple(told["low"]), tuple(told["high"]))
    found = {
        name: Landmark(None if point is None else (point[0], point[1], point[2]), LandmarkStatus[status], confidence)
        for name, (point, status, confidence) in told["landmarks"].items()
    }
    return Anatomy(landmarks=found, mediastinum=region, how=told["how"], organ_names=names, **maps)


def _one(case: LabelledCase, *, read: ReadAnatomy, how: str, folder: Path, margin_mm: float) -> Surveyed:
    files = [path for path in (case.image, case.nodes, case.ignore) if path is not None]
    meant = f"{case.node_label} {case.ignore_label}"
    kept = folder / f"{content_key(files, f'survey {how} {meant}')}.npz"
    if not kept.exists():
        loaded = load_case(case)
        anatomy = read(loaded.study)
        ct = loaded.study.ct
        native, _ = Preparation((1.0, 1.0, 1.0), ((0.0, 1.0),), margin_mm).grids(ct.grid, lung_region(anatomy))
        inside = ct.grid.box_of(native).slices
        save_anatomy(
            anatomy,
            kept,
            spacing=np.array(native.spacing),
            shape=np.array(native.shape),
            **_node_voxels(ct.crop(ct.grid.box_of(native)), loaded.nodes.array[inside] > 0),
        )
    spacing, shape = _kept(kept, "spacing", "shape")
    return Surveyed(case, kept, tuple(map(float, spacing)), tuple(map(int, shape)))


def _kept(path: Path, *names: str) -> list[npt.NDArray[Any]]:
    """Arrays of a file that ``save_anatomy`` wrote.

    Raises:
        BadInputError: it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[name] for name in names]
    except DAMAGED as error:
        raise BadInputError(f"{path} is damaged: delete it, it is made again") from error


def _node_voxels(ct: Volume, node: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """HU and places of a fair sample of the voxels of nodes."""
    rng, index = np.random.default_rng(0), np.argwhere(node)
    hu = ct.array[node].astype(np.float32)
    if hu.size > FOREGROUND_VOXELS:
        hu = rng.choice(hu, FOREGROUND_VOXELS, replace=False)
    count = len(index)
    if count > NODE_POINTS:
        index = index[rng.choice(count, NODE_POINTS, replace=False)]
    points = ct.grid.to_lps(index.reshape(-1, 3)).astype(np.float32)
    volume = ct.grid.voxel_volume_mm3 * count / max(1, len(index))
    return {"node_hu": hu, "node_lps": points, "node_mm3": np.array(volume)}
