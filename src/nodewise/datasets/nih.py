"""CT Lymph Nodes of the NIH: DICOM of 90 mediastinal and 86 abdominal scans, their masks, and Bouget's refined ones.

The NIH's own masks (Seff et al., 2015) hold the enlarged nodes and leave others out: annotation in part. Bouget et al.
(2022) drew every node of 89 mediastinal scans again; case 43 they left out, for its CT is not whole, and of cases 6 and
80 Zhang et al. (LNQ2023, team IMR) found that not every node is drawn.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nodewise.datasets.about import About
from nodewise.datasets.bouget import node_stations
from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.node_table import NodeStations
from nodewise.datasets.table import with_table
from nodewise.datasets.tcia import folders_named, holds_dicom, segmentations
from nodewise.io.itk import is_image
from nodewise.values.errors import BadInputError

LAYOUT = "CT Lymph Nodes"
ABOUT = About(
    name="nih",
    title="CT Lymph Nodes: a new 2.5D representation for lymph node detection in CT",
    licence="CC BY 3.0",
    url="https://doi.org/10.7937/K9/TCIA.2015.AQIIDCNM",
    citation="Roth et al., The Cancer Imaging Archive, 2015, doi:10.7937/K9/TCIA.2015.AQIIDCNM; "
    "masks Seff et al., MICCAI 2015, doi:10.1007/978-3-319-24571-3_7; "
    "refined masks Bouget et al., 2022, doi:10.1080/21681163.2022.2043778",
)
_PATIENT = re.compile(r"(MED|ABD)_LYMPH_(\d{3})")
_REFINED = re.compile(r"pat(\d+)", re.IGNORECASE)
_FAULTS = {"MED_LYMPH_043": "has a CT that is not whole (Bouget et al. 2022 left it out too)"}
_REFINED_IN_PART = (6, 80)
_PLACES = ("[MA][EB]D_LYMPH_[0-9]*", "*/[MA][EB]D_LYMPH_[0-9]*", "*/*/[MA][EB]D_LYMPH_[0-9]*")
_FEW = 4
_LABELS = ("mask", "seg", "label")


def is_nih(folder: Path) -> bool:
    """Whether a folder of a patient, ``MED_LYMPH_001``, with slices lies in the folder or up to two deep.

    Folders that hold a mask or results alone do not count.
    """
    patients = (path for place in _PLACES for path in folder.glob(place) if path.is_dir())
    return any(holds_dicom(path, more_than=_FEW) for path in patients)


def nih_dataset(folder: Path) -> Dataset:
    """Every patient, by the best labels that lie anywhere in the folder: refined, DICOM SEG, or the NIH's NIfTI.

    Raises:
        BadInputError: there is no such patient.
    """
    places = folders_named(folder, _PATIENT)
    scans = _converted(folder) | {name: scan for name, found in places.items() if (scan := _scan(found))}
    if not scans:
        raise BadInputError(
            f"{folder} is not CT Lymph Nodes of the NIH: expected MED_LYMPH_001/STUDY/SERIES/*.dcm, "
            "and MED_LYMPH_001_mask.nii.gz, DICOM SEG or Pat1/pat1_*.nii.gz"
        )
    refined = {int(name[3:]): found[0] for name, found in folders_named(folder, _REFINED).items()}
    table = next(iter(sorted(folder.glob("**/stations*.csv"))), None) if refined else None
    stations = node_stations(table)
    cases, lost = [], []
    for name in sorted(scans):
        one = _case(name, scans[name], places.get(name, ()), refined, stations)
        if name in _FAULTS:
            lost.append(LeftOut(name, "known", _FAULTS[name]))
        elif isinstance(one, LeftOut):
            lost.append(one)
        else:
            cases.append(one)
    told = with_table(folder, cases, [one.name for one in lost])
    return Dataset(folder, LAYOUT, told, tuple(lost), ABOUT)


def _case(
    name: str, scan: Path, places: tuple[Path, ...], refined: Mapping[int, Path], stations: Mapping[int, NodeStations]
) -> LabelledCase | LeftOut:
    region, number = name[:3], int(name[-3:])
    case = LabelledCase(name, name, scan, scan, annotation="partial")
    if region == "MED" and number in refined:
        masks = _refined_mask(refined[number])
        if len(masks) != 1:
            return LeftOut(name, "files", f"has {len(masks) or 'no'} refined masks: one is wanted")
        known = stations.get(number)
        case = replace(case, nodes=masks[0], unplaced=True, node_stations=known)
        return case if number in _REFINED_IN_PART else replace(case, annotation="full")
    segs = segmentations(scan) if scan.is_dir() else ()
    if len(segs) == 1:
        return replace(case, nodes=segs[0])
    masks = [file for place in places for file in _masks(place)]
    if len(masks) == 1:
        return replace(case, nodes=masks[0], unplaced=True)
    many = len(masks) or len(segs)
    return LeftOut(name, "files", f"has {many or 'no'} masks: one is wanted")


def _scan(places: tuple[Path, ...]) -> Path | None:
    return next((place for place in places if holds_dicom(place)), None)


def _converted(folder: Path) -> dict[str, Path]:
    """Scans that someone has turned into one file each, ``MED_LYMPH_001.nii.gz``, by patient."""
    found: dict[str, Path] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(files):
            named = _PATIENT.match(file)
            if named and is_image(Path(file)) and not any(word in file.lower() for word in _LABELS):
                found[named[0]] = Path(place, file)
    return found


def _masks(place: Path) -> list[Path]:
    return [path for path in sorted(place.iterdir()) if is_image(path) and "mask" in path.name.lower()]


def _refined_mask(place: Path) -> list[Path]:
    images = [path for path in sorted(place.iterdir()) if is_image(path) and not path.name.startswith(".")]
    return [path for path in images if "lymph" in path.name.lower()] or images
