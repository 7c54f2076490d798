"""TotalSegmentator's data set: CTs with a mask for each of 104 (version 1) or 117 structures, and no lymph nodes."""

from __future__ import annotations

from pathlib import Path

from nodewise.datasets.about import About
from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.table import with_table
from nodewise.values.errors import BadInputError

LAYOUT = "TotalSegmentator"
ABOUT = About(
    name="totalsegmentator",
    title="TotalSegmentator: dataset with segmentations of anatomical structures in CT images",
    licence="CC BY 4.0",
    url="https://doi.org/10.5281/zenodo.6802613",
    citation="Wasserthal et al., Radiology: Artificial Intelligence, 2023, doi:10.1148/ryai.230024",
)
_NODES = ("lymph_nodes", "lymph_node")
_MASK = ".nii.gz"


def is_totalsegmentator(folder: Path) -> bool:
    """Whether scans, ``s0000/ct.nii.gz`` beside ``segmentations``, lie in the folder or in one inside it."""
    return bool(_scans(folder))


def totalsegmentator_dataset(folder: Path) -> Dataset:
    """Every scan with its structures, numbered from 1 in the order of their names throughout the data set.

    Nothing is known of nodes but where someone has added ``segmentations/lymph_nodes.nii.gz``.

    Raises:
        BadInputError: there are no such scans.
    """
    scans = _scans(folder)
    if not scans:
        raise BadInputError(f"{folder} is not TotalSegmentator's: expected s0000/ct.nii.gz and s0000/segmentations")
    masks = {scan.parent.name: _masks(scan) for scan in scans}
    names = sorted({name for found in masks.values() for name in found} - set(_NODES))
    numbers = {name: number for number, name in enumerate(names, 1)}
    cases, lost = [], []
    for scan in scans:
        name, found = scan.parent.name, masks[scan.parent.name]
        nodes = next((found[word] for word in _NODES if word in found), None)
        structures = {word: path for word, path in found.items() if word in numbers}
        if not found:
            lost.append(LeftOut(name, "files", "has no segmentations"))
            continue
        cases.append(
            LabelledCase(
                name,
                name,
                scan,
                nodes or scan,
                annotation="full" if nodes else "none",
                structures=structures or None,
                organ_names=numbers,
            )
        )
    told = with_table(folder, cases, [one.name for one in lost])
    return Dataset(folder, LAYOUT, told, tuple(lost), ABOUT)


def _scans(folder: Path) -> list[Path]:
    for place in ("s*/ct.nii.gz", "*/s*/ct.nii.gz"):
        found = [path for path in sorted(folder.glob(place)) if path.parent.name[1:].isdecimal()]
        if any((path.parent / "segmentations").is_dir() for path in found):
            return found
    return []


def _masks(scan: Path) -> dict[str, Path]:
    inside = sorted((scan.parent / "segmentations").glob(f"*{_MASK}"))
    return {path.name[: -len(_MASK)]: path for path in inside if not path.name.startswith(".")}
