"""What ``nodewise phantom`` writes, drawn patients and implants alike, as labelled scans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nodewise.datasets.case import LabelledCase
from nodewise.io.truthfile import TruthRecord, read_truth
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

TRUTH_FILE = "truth.json"


def is_phantoms(folder: Path) -> bool:
    """Whether a folder holds the truth of phantoms."""
    return any((folder / "truth").glob(f"*/{TRUTH_FILE}"))


def phantom_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """Every patient of ``images`` and ``truth``, with the nodes of ``annotation`` where that marks some of them.

    Copies of one real scan with implants are one patient; their stations were found by rules, so they are left out.

    Raises:
        BadInputError: a scan or a map is missing, or a file cannot be understood.
    """
    return tuple(_case(folder, path.parent) for path in sorted((folder / "truth").glob(f"*/{TRUTH_FILE}")))


def _case(folder: Path, truth: Path) -> LabelledCase:
    name, record = truth.name, read_truth(truth / TRUTH_FILE)
    annotation, complete = _annotated(folder / "annotation" / name)
    nodes = (annotation or truth) / "nodes.nii.gz"
    if not nodes.is_file():
        raise BadInputError(f"{name}: its labels {nodes} are missing: make the phantom again")
    ignore, stations, organs = (_there(truth / f"{part}.nii.gz") for part in ("ignore", "stations", "organs"))
    return LabelledCase(
        name=name,
        patient=record.made.get("scan", name),
        image=_image(folder / "images", name),
        nodes=nodes,
        stations=stations if record.region == "chest" and record.n_category_8 else None,
        ignore=ignore,
        organs=organs,
        organ_names=record.organs if organs and record.organs else None,
        histology=_histology(record),
        primary=None if record.primary_side == "unknown" else Side(record.primary_side),
        annotation="full" if complete else "partial",
    )


def _image(images: Path, name: str) -> Path:
    found = next((path for path in (images / f"{name}.nii.gz", images / name) if path.exists()), None)
    if found is None:
        raise BadInputError(f"{name}: there is a truth but no scan of this name in {images}")
    return found


def _annotated(folder: Path) -> tuple[Path | None, bool]:
    """Where marked nodes lie, None where histology alone was annotated; and whether all are marked."""
    path = folder / "annotation.json"
    if not path.is_file():
        return None, True
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return (None, True) if told["style"] == "histology" else (folder, bool(told["complete"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is not an annotation by nodewise phantom") from error


def _histology(record: TruthRecord) -> Mapping[str, bool] | None:
    """As annotated; else, of a drawn patient, as if every station with nodes had been resected."""
    if record.station_histology is not None:
        return {code: word == "malignant" for code, word in record.station_histology.items() if word != "n/a"}
    if record.region != "chest" or record.n_category_8 is None:
        return None
    found: dict[str, bool] = {}
    for node in record.nodes:
        if node.station and node.station != Station.UNKNOWN.code and node.malignant is not None:
            found[node.station] = found.get(node.station, False) or node.malignant
    return found


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None
