"""A folder of labelled scans to a ``Dataset``, whatever its layout; and one case to its volumes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.datasets.case import Dataset, LabelledCase
from nodewise.datasets.dicom import is_studies, study_dataset
from nodewise.datasets.files import nnunet_dataset, pair_dataset
from nodewise.datasets.listed import is_listed, listed_dataset
from nodewise.datasets.lnq2023 import is_lnq2023, lnq2023_dataset
from nodewise.datasets.lynos import is_lynos, lynos_dataset
from nodewise.datasets.nih import is_nih, nih_dataset
from nodewise.datasets.phantoms import is_phantoms, phantom_cases
from nodewise.datasets.place import on_ct
from nodewise.datasets.totalsegmentator import is_totalsegmentator, totalsegmentator_dataset
from nodewise.io.folder import read_study
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

log = logging.getLogger(__name__)

Labels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Layout = Literal[
    "nodewise", "dataset.json", "nnU-Net", "pairs", "LNQ2023", "CT Lymph Nodes", "LyNoS", "TotalSegmentator", "DICOM"
]

_LAYOUTS = (
    "images and truth (nodewise phantom), images and labels, imagesTr and labelsTr (nnU-Net), a dataset.json that "
    "lists scans, the tree of LNQ2023, CT Lymph Nodes, LyNoS or TotalSegmentator, or a folder of DICOM for each study "
    "with its mask"
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

    Of a public data set what cannot be used is left out, with a warning; of one's own it is refused, so that nothing is
    forgotten.

    Args:
        folder: as ``nodewise phantom`` or ``nodewise prepare`` writes it; ``images`` and ``labels`` of the same names;
            nnU-Net's raw data; a ``dataset.json`` that lists its cases; a public data set as it is unpacked; or DICOM
            studies with their masks. ``cases.csv`` may say more (see ``table``), but of phantoms.

    Raises:
        BadInputError: no such folder or layout, no case, a label is missing, or two cases have one name.
    """
    found = find_cases(Path(folder))
    lost = found.left_out
    if lost and found.about is None:
        more = f" (and {len(lost) - 1} others cannot be used)" if len(lost) > 1 else ""
        raise BadInputError(f"{folder}: {lost[0].name} {lost[0].why}{more}: add what is missing, or take it away")
    if not found.cases:
        why = f"{lost[0].name} {lost[0].why}" if lost else "its folders are empty"
        raise BadInputError(f"{folder} holds no case: {why}")
    if lost:
        log.warning("%s: %d cases cannot be used; nodewise prepare lists them", folder, len(lost))
    return found


def find_cases(folder: Path) -> Dataset:
    """As ``read_dataset``, with all that cannot be used left out.

    Raises:
        BadInputError: no such folder or layout, or two cases have one name.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder")
    layout = layout_of(folder)
    if layout is None:
        raise BadInputError(f"{folder} is no data set: expected {_LAYOUTS}")
    return _READERS[layout](folder)


_READERS: Mapping[Layout, Callable[[Path], Dataset]] = {
    "nodewise": lambda folder: Dataset(folder, "nodewise", phantom_cases(folder)),
    "dataset.json": listed_dataset,
    "nnU-Net": nnunet_dataset,
    "pairs": pair_dataset,
    "LNQ2023": lnq2023_dataset,
    "CT Lymph Nodes": nih_dataset,
    "LyNoS": lynos_dataset,
    "TotalSegmentator": totalsegmentator_dataset,
    "DICOM": study_dataset,
}


def layout_of(folder: Path) -> Layout | None:
    """The layout of a data set; None where a folder is none."""
    known: tuple[tuple[Layout, bool | Callable[[Path], bool]], ...] = (
        ("nodewise", is_phantoms),
        ("dataset.json", is_listed),
        ("nnU-Net", (folder / "imagesTr").is_dir() and (folder / "dataset.json").is_file()),
        ("pairs", (folder / "images").is_dir() and (folder / "labels").is_dir()),
        ("LNQ2023", is_lnq2023),
        ("CT Lymph Nodes", is_nih),
        ("LyNoS", is_lynos),
        ("TotalSegmentator", is_totalsegmentator),
        ("DICOM", is_studies),
    )
    return next((layout for layout, fits in known if (fits if isinstance(fits, bool) else fits(folder))), None)


def load_case(case: LabelledCase) -> LoadedCase:
    """Read a case's scan and labels.

    Raises:
        BadInputError: a file cannot be read, a map does not lie on the CT's voxels, or one of stations holds a number
            that is none.
    """
    return load_labels(case, read_study(case.image))


def load_labels(case: LabelledCase, study: Study, *, resampled: bool = False) -> LoadedCase:
    """The labels of a case whose scan is in memory.

    Args:
        case: to read.
        study: its scan.
        resampled: see ``on_ct``.

    Raises:
        BadInputError: as ``load_case``.
    """
    grid = study.ct.grid
    put = partial(on_ct, grid=grid, name=case.name, unplaced=case.unplaced, resampled=resampled)
    nodes, unknown = _nodes(case, grid, put)
    if case.ignore is not None:
        beside = put(case.ignore).array > 0
        unknown = beside if unknown is None else beside | unknown
    return LoadedCase(
        case=case,
        study=study,
        nodes=Volume(nodes.view(np.uint8) if nodes.dtype == np.bool_ else nodes, grid, Quantity.LABEL),
        stations=None if case.stations is None else _stations(put(case.stations), case.stations, case.name),
        organs=_organs(case, grid, put),
        ignore=None if unknown is None else Volume(unknown, grid, Quantity.MASK),
    )


def _nodes(case: LabelledCase, grid: Grid, put: Callable[[Path], Volume]) -> tuple[Labels, Mask | None]:
    """Labels of nodes, and where nothing is known of them."""
    if case.annotation == "none":
        return np.zeros(grid.shape, np.uint8, order="F"), np.ones(grid.shape, np.bool_, order="F")
    given = put(case.nodes).array
    unknown = None if case.ignore_label is None else given == case.ignore_label
    if case.node_label is not None:
        return given == case.node_label, unknown
    return given if unknown is None else np.where(unknown, 0, given), unknown


def _stations(stations: Volume, path: Path, name: str) -> Volume:
    highest, last = int(stations.array.max()), max(station.label for station in Station)
    if highest > last:
        raise BadInputError(f"{name}: {path.name} holds the number {highest}: stations have the numbers 1 to {last}")
    return stations


def _organs(case: LabelledCase, grid: Grid, put: Callable[[Path], Volume]) -> Volume | None:
    if case.organs is not None:
        return put(case.organs)
    if not case.structures:
        return None
    numbers = case.organ_names or {}
    organs = np.zeros(grid.shape, np.uint8 if max(numbers.values(), default=0) < 256 else np.uint16, order="F")
    for name in sorted(case.structures, key=lambda name: numbers[name]):
        organs[(put(case.structures[name]).array > 0) & (organs == 0)] = numbers[name]
    return Volume(organs, grid, Quantity.LABEL)
