"""``cases.csv`` beside labelled scans: what their files cannot say.

Columns: ``name``; and, where known, ``patient``, ``primary_side`` (left, right), ``annotation`` (full, partial, none),
and one column a station (1R, 2L, 3a, … as in P1's Table 1) with benign, malignant or n/a.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from nodewise.datasets.case import Annotation, Facts, LabelledCase
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

TABLE_FILE = "cases.csv"
_STATIONS = {s.code for s in Station if s.label} | {s.zone for s in Station if s.label}
_HISTOLOGY = {"benign": False, "malignant": True, "n/a": None, "": None}
_SIDES = {"left": Side.LEFT, "right": Side.RIGHT, "unknown": None, "": None}
_ANNOTATIONS: dict[str, Annotation | None] = {"full": "full", "partial": "partial", "none": "none", "": None}


def read_table(folder: Path) -> Mapping[str, Facts]:
    """What ``cases.csv`` in a folder says of each case, by name; nothing where there is no such file.

    Raises:
        BadInputError: it cannot be understood, or names a case twice.
    """
    path = folder / TABLE_FILE
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [column.strip() for column in reader.fieldnames or []]
            reader.fieldnames = columns
            rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in reader]
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from error
    if "name" not in columns:
        raise BadInputError(f"{path} has no column name: it has {', '.join(columns) or 'none'}")
    known = {"name", "patient", "primary_side", "annotation"} | _STATIONS
    strange = [column for column in columns if column not in known]
    if strange:
        raise BadInputError(f"{path} has the column {strange[0]}, which is neither known nor a station")
    found: dict[str, Facts] = {}
    for number, row in enumerate(rows, start=2):
        if row["name"] in found:
            raise BadInputError(f"{path}, line {number}: {row['name']} is there twice")
        found[row["name"]] = _facts(row, f"{path}, line {number}")
    return found


def with_table(
    folder: Path, cases: Iterable[LabelledCase], others: Iterable[str] = (), *, what: str = "scan"
) -> tuple[LabelledCase, ...]:
    """The cases by name, with what ``cases.csv`` in the folder says of them; where it is silent they stay as they are.

    Args:
        folder: where ``cases.csv`` may be.
        cases: in any order.
        others: further names that it may hold, of what was left out.
        what: a case is, in the message.

    Raises:
        BadInputError: as ``read_table``, or it names something else.
    """
    told = read_table(folder)
    found = sorted(cases, key=lambda case: case.name)
    strange = sorted(told.keys() - {case.name for case in found} - set(others))
    if strange:
        more = f" (nor of {len(strange) - 1} others)" if len(strange) > 1 else ""
        raise BadInputError(f"{folder / TABLE_FILE} names {strange[0]}, of which there is no {what}{more}")
    return tuple(_told(case, told.get(case.name, Facts())) for case in found)


def _told(case: LabelledCase, facts: Facts) -> LabelledCase:
    return replace(
        case,
        patient=facts.patient or case.patient,
        primary=facts.primary or case.primary,
        annotation=facts.annotation or case.annotation,
        histology=facts.histology or case.histology,
    )


def _facts(row: Mapping[str, str], where: str) -> Facts:
    side, annotation = row.get("primary_side", ""), row.get("annotation", "")
    if side not in _SIDES:
        raise BadInputError(f"{where}: primary_side is {side}: give left, right or unknown")
    if annotation not in _ANNOTATIONS:
        raise BadInputError(f"{where}: annotation is {annotation}: give full, partial or none")
    histology = {}
    for station in sorted(_STATIONS & row.keys()):
        if row[station] not in _HISTOLOGY:
            raise BadInputError(f"{where}: station {station} is {row[station]}: give benign, malignant or n/a")
        malignant = _HISTOLOGY[row[station]]
        if malignant is not None:
            histology[station] = malignant
    return Facts(row.get("patient") or None, _SIDES[side], _ANNOTATIONS[annotation], histology or None)
