"""A data set to train on as truth: which folder is one, and what its stations and histology say of each node."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.nodes import stations_of
from nodewise.datasets.read import LoadedCase, layout_of, read_dataset
from nodewise.image.components import boxes
from nodewise.io.dicom_files import files_under
from nodewise.io.itk import is_image
from nodewise.values.node import Node, Status
from nodewise.values.station import Station
from nodewise.values.volume import Volume

log = logging.getLogger(__name__)


def labelled_cases(folder: Path) -> tuple[LabelledCase, ...]:
    """The cases of a data set that is not by ``nodewise phantom``, by name; none where a folder is no such data set.

    Folders that each hold one DICOM file are no studies but exported masks; beside masks they are the CTs of those.

    Raises:
        BadInputError: see ``read_dataset``.
    """
    layout = layout_of(folder)
    if layout is None or layout == "nodewise" or (layout == "DICOM" and not _with_scans(folder)):
        return ()
    cases = read_dataset(folder).cases
    lacking = [
        what
        for what, known in (
            ("station maps, so no figure of stations", any(case.stations for case in cases)),
            ("histology in cases.csv, so no N status", any(case.histology for case in cases)),
        )
        if not known
    ]
    if lacking:
        log.warning("%s has no %s", folder, "; and no ".join(lacking))
    return cases


def _with_scans(folder: Path) -> bool:
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if any(is_image(path) for path in entries if path.is_file()):
        return False
    return any(len(list(files_under(path))) > 1 for path in entries if path.is_dir())


def patient_cells(case: LabelledCase) -> Mapping[str, str]:
    """What a data set says of a patient, as a CSV of pairs would: N status by histology, side of the primary."""
    cells = {} if case.primary is None else {"primary_side": case.primary.value}
    return cells if not case.histology else cells | {"n_positive": str(int(any(case.histology.values())))}


def places_of(loaded: LoadedCase, labels: Volume) -> Mapping[int, str]:
    """Code of the station of each instance, by id; instances of unknown station are left out."""
    nodes = tuple(
        Node(label, box, np.asarray(labels.array[box.slices] == label), 1.0)
        for label, (box, _) in boxes(labels.array).items()
    )
    named = zip(nodes, stations_of(loaded, nodes), strict=True)
    return {node.id: station.code for node, station in named if station is not Station.UNKNOWN}


def status_of(case: LabelledCase, places: Mapping[int, str]) -> Mapping[int, Status]:
    """Status of each node that follows from the histology of stations, by id.

    Every node of a benign station is benign. A malignant station says of no single node that it is malignant, but where
    the station has one node alone and all nodes are annotated.
    """
    known, together = case.histology or {}, dict[str, list[int]]()
    all_drawn = case.annotation == "full" and case.ignore is None and case.ignore_label is None
    for node, code in places.items():
        named = [name for name in (code, Station(code).zone) if name in known]
        if named:
            together.setdefault(named[0], []).append(node)
    told: dict[int, Status] = {}
    for name, nodes in together.items():
        if not known[name]:
            told |= dict.fromkeys(nodes, Status.BENIGN)
        elif len(nodes) == 1 and all_drawn:
            told[nodes[0]] = Status.MALIGNANT
    return told


def histology_by(names: Iterable[str], case: LabelledCase) -> Mapping[str, str]:
    """Benign or malignant by P1's ``names`` of stations, where one without a side stands for both sides."""
    listed, found = frozenset(names), dict[str, str]()
    for code, malignant in (case.histology or {}).items():
        name = code if code in listed else code.rstrip("RL")
        if malignant or name not in found:
            found[name] = "malignant" if malignant else "benign"
    return found
