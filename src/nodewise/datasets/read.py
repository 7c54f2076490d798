"""A folder of labelled scans to a ``Dataset``, whatever its layout; and one case to its volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from nodewise.datasets.case import Dataset, LabelledCase
from nodewise.datasets.dicom import is_studies, study_cases
from nodewise.datasets.files import nnunet_cases, pair_cases
from nodewise.datasets.phantoms import is_phantoms, phantom_cases
from nodewise.io.folder import read_study
from nodewise.io.mask import read_mask
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

Layout = Literal["nodewise", "nnU-Net", "pairs", "DICOM"]

_READERS: Mapping[Layout, Callable[[Path], tuple[LabelledCase, ...]]] = {
    "nodewise": phantom_cases,
    "nnU-Net": nnunet_cases,
    "pairs": pair_cases,
    "DICOM": study_cases,
}
_LAYOUTS = (
    "images and truth (nodewise phantom), images and labels, imagesTr and labelsTr (nnU-Net), "
    "or a folder of DICOM for each study with its mask"
)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCase:
    """A case in memory, every map on the CT's grid.

    Attributes:
        nodes: LABEL, 0 where there is none.
        stations: LABEL, ``Station.label``; organs: LABEL; ignore: MASK of where nothing is known.
    """

    case: LabelledCase
    study: Study
    nodes: Volume
    stations: Volume | None
    organs: Volume | None
    ignore: Volume | None


def read_dataset(folder: str | Path) -> Dataset:
    """Find every labelled scan of a folder; no voxel is read.

    Args:
        folder: as ``nodewise phantom`` writes it; ``images`` and ``labels`` of the same names, with ``stations``
            and ``ignore`` where there are any; nnU-Net's raw data; or DICOM studies with their masks. In the last
            three ``cases.csv`` may say more (see ``table``).

    Raises:
        BadInputError: no such folder or layout, no case, a label is missing, or two cases have one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder")
    layout = layout_of(folder)
    if layout is None:
        raise BadInputError(f"{folder} is no data set: expected {_LAYOUTS}")
    cases = _READERS[layout](folder)
    if not cases:
        raise BadInputError(f"{folder} holds no case: its folders are empty")
    return Dataset(folder, layout, cases)


def layout_of(folder: Path) -> Layout | None:
    """The layout of a data set; None where a folder is none."""
    if is_phantoms(folder):
        return "nodewise"
    if (folder / "imagesTr").is_dir() and (folder / "dataset.json").is_file():
        return "nnU-Net"
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return "pairs"
    return "DICOM" if is_studies(folder) else None


def load_case(case: LabelledCase) -> LoadedCase:
    """Read a case's scan and labels.

    Raises:
        BadInputError: a file cannot be read, a map does not lie on the CT's voxels, or one of stations holds a number
            that is none.
    """
    study = read_study(case.image)
    grid = study.ct.grid
    given = _on(case.nodes, grid, case.name)
    nodes = given.array if case.node_label is None else given.array == case.node_label
    if case.node_label is None and case.ignore_label is not None:
        nodes = np.where(given.array == case.ignore_label, 0, given.array)
    unknown = None if case.ignore_label is None else given.array == case.ignore_label
    if case.ignore is not None:
        beside = _on(case.ignore, grid, case.name).array > 0
        unknown = beside if unknown is None else beside | unknown
    return LoadedCase(
        case=case,
        study=study,
        nodes=Volume(nodes.view(np.uint8) if nodes.dtype == np.bool_ else nodes, grid, Quantity.LABEL),
        stations=None if case.stations is None else _stations(case.stations, grid, case.name),
        organs=None if case.organs is None else _on(case.organs, grid, case.name),
        ignore=None if unknown is None else Volume(unknown, grid, Quantity.MASK),
    )


def _stations(path: Path, grid: Grid, name: str) -> Volume:
    stations, last = _on(path, grid, name), max(station.label for station in Station)
    highest = int(stations.array.max())
    if highest > last:
        raise BadInputError(f"{name}: {path.name} holds the number {highest}: stations have the numbers 1 to {last}")
    return stations


def _on(path: Path, grid: Grid, name: str) -> Volume:
    """A label map on the CT's own voxels: the same grid, or a crop of it as a DICOM SEG may be."""
    labels = read_mask(path)
    if labels.grid.same_as(grid, tolerance_mm=0.1 * min(grid.spacing)):
        return Volume(labels.array, grid, Quantity.LABEL)
    try:
        box = grid.box_of(labels.grid)
    except ValueError as error:
        raise BadInputError(
            f"{name}: {path.name} ({_words(labels.grid)}) does not lie on the voxels of the CT ({_words(grid)}): "
            "resample it onto the CT"
        ) from error
    if box.clipped(grid.shape).shape != box.shape:
        raise BadInputError(f"{name}: {path.name} ({_words(labels.grid)}) reaches beyond the CT ({_words(grid)})")
    array = np.zeros(grid.shape, labels.array.dtype, order="F")
    array[box.slices] = labels.array
    return Volume(array, grid, Quantity.LABEL)


def _words(grid: Grid) -> str:
    size, spacing = "×".join(map(str, grid.shape)), "×".join(f"{s:.3g}" for s in grid.spacing)
    return f"{size} of {spacing} mm from {', '.join(f'{o:.0f}' for o in grid.origin)}"
