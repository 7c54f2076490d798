"""LyNoS, the benchmark subset of St. Olavs: 15 scans, every node with a value of its own, and stations in a table."""

from __future__ import annotations

import re
from pathlib import Path

from nodewise.datasets.about import About
from nodewise.datasets.bouget import node_stations
from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.table import with_table
from nodewise.values.errors import BadInputError

LAYOUT = "LyNoS"
ABOUT = About(
    name="lynos",
    title="LyNoS: a multilabel lymph node segmentation dataset from contrast CT",
    licence="CC BY 4.0",
    url="https://zenodo.org/records/10102261",
    citation="Bouget et al., Computer Methods in Biomechanics and Biomedical Engineering: Imaging & Visualization, "
    "2022, doi:10.1080/21681163.2022.2043778",
)
_SCAN = re.compile(r"pat(\d+)_data\.nii(\.gz)?", re.IGNORECASE)
_PLACES = ("Pat*/*_data.nii*", "*/Pat*/*_data.nii*", "*/*/Pat*/*_data.nii*")
_TABLES = ("stations*.csv", "*/stations*.csv", "*/*/stations*.csv")
_STRUCTURES = {
    "Azygos": ("azygos_vein", 1),
    "BrachiocephalicVeins": ("brachiocephalic_veins", 2),
    "Esophagus": ("esophagus", 3),
    "SubCarArt": ("subclavian_and_carotid_arteries", 4),
}
"""Our name and number of each mask beside the nodes."""


def is_lynos(folder: Path) -> bool:
    """Whether patients' folders, ``Pat1/pat1_data.nii.gz``, lie in the folder or up to two deep."""
    return bool(_scans(folder))


def lynos_dataset(folder: Path) -> Dataset:
    """Every patient with its nodes, their stations, and the other structures as organs.

    Raises:
        BadInputError: there are no such patients.
    """
    scans = _scans(folder)
    if not scans:
        raise BadInputError(f"{folder} is not LyNoS: expected Pat1/pat1_data.nii.gz and pat1_labels_LymphNodes.nii.gz")
    table = next((path for place in _TABLES for path in sorted(folder.glob(place))), None)
    stations = node_stations(table)
    cases, lost = [], []
    for number, scan in sorted(scans.items()):
        name = f"lynos-{number:02d}"
        labels = _beside(scan, "LymphNodes")
        if labels is None:
            lost.append(LeftOut(name, "files", "has no mask of LymphNodes beside the scan"))
            continue
        found = {ours: path for theirs, (ours, _) in _STRUCTURES.items() if (path := _beside(scan, theirs))}
        cases.append(
            LabelledCase(
                name,
                name,
                scan,
                labels,
                node_stations=stations.get(number),
                structures=found or None,
                organ_names=dict(_STRUCTURES.values()) if found else None,
            )
        )
    told = with_table(folder, cases, [one.name for one in lost])
    return Dataset(folder, LAYOUT, told, tuple(lost), ABOUT)


def _scans(folder: Path) -> dict[int, Path]:
    """Scans by the patient's number, at the first depth where there are any."""
    for place in _PLACES:
        found = {int(named[1]): path for path in sorted(folder.glob(place)) if (named := _SCAN.fullmatch(path.name))}
        if found:
            return found
    return {}


def _beside(scan: Path, structure: str) -> Path | None:
    start = scan.name.split("_data")[0]
    wanted = f"{start}_labels_{structure}.nii".lower()
    return next((path for path in sorted(scan.parent.iterdir()) if path.name.lower().startswith(wanted)), None)
