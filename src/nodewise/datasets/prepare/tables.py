"""The tables of a prepared data set."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from nodewise.datasets.about import ABOUT_FILE
from nodewise.datasets.case import Dataset, LabelledCase, LeftOut
from nodewise.datasets.files import ORGANS_FILE
from nodewise.datasets.node_table import NODE_TABLE_FILE, write_node_table
from nodewise.datasets.prepare.record import CaseRecord
from nodewise.datasets.table import TABLE_FILE

LEFT_OUT_FILE = "left_out.csv"
CHECKED_FILE = "checked.csv"
SOURCES_FILE = "sources.csv"
_WORD = {True: "malignant", False: "benign"}


def write_tables(
    folder: Path,
    dataset: Dataset,
    kept: Sequence[CaseRecord],
    left_out: Sequence[LeftOut],
    sources: Mapping[str, str],
    words: Mapping[str, object],
) -> None:
    """Write every table of a folder, and ``prepared.json``, whose data they are.

    Args:
        folder: where the cases are.
        dataset: they came from.
        kept: records of the cases that are there, by name.
        left_out: what is not there, and why.
        sources: where each case came from, relative to the data set's folder, by name.
        words: how it was prepared.
    """
    cases = {case.name: case for case in dataset.cases}
    there = [cases[record.name] for record in kept]
    _write_cases(folder / TABLE_FILE, there)
    _optional(folder / NODE_TABLE_FILE, any(case.node_stations for case in there))
    if any(case.node_stations for case in there):
        write_node_table(there, folder / NODE_TABLE_FILE)
    organs = {name: n for case in there for name, n in (case.organ_names or {}).items()}
    _optional(folder / ORGANS_FILE, bool(organs))
    if organs:
        ordered = dict(sorted(organs.items(), key=lambda pair: pair[1]))
        (folder / ORGANS_FILE).write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    lost = ((one.name, one.check, one.why, sources.get(one.name, "")) for one in left_out)
    _write(folder / LEFT_OUT_FILE, ("name", "check", "why", "source"), lost)
    _write(folder / CHECKED_FILE, _FACTS, (_facts(record) for record in kept))
    _write(folder / SOURCES_FILE, ("name", "source"), sorted(sources.items()))
    told = {
        "about": None if dataset.about is None else asdict(dataset.about),
        "layout": dataset.layout,
        "cases": len(kept),
        "left_out": len(left_out),
        "nodewise": version("nodewise"),
        **words,
    }
    (folder / ABOUT_FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_cases(path: Path, cases: Sequence[LabelledCase]) -> None:
    codes = sorted({code for case in cases for code in case.histology or {}})
    rows = (
        (
            case.name,
            case.patient,
            case.primary.value if case.primary else "",
            case.annotation,
            *(_WORD[case.histology[code]] if code in (case.histology or {}) else "" for code in codes),  # type: ignore[index]
        )
        for case in cases
    )
    _write(path, ("name", "patient", "primary_side", "annotation", *codes), rows)


_FACTS = ("name", "shape", "spacing_mm", "hu_low", "hu_high", "nodes", "volume_ml", "warnings")


def _facts(record: CaseRecord) -> tuple[object, ...]:
    shape = "x".join(map(str, record.shape))
    spacing = "x".join(f"{step:g}" for step in record.spacing_mm)
    return (record.name, shape, spacing, *record.hu, record.nodes, record.volume_ml, "; ".join(record.warnings))


def _optional(path: Path, wanted: bool) -> None:
    if not wanted:
        path.unlink(missing_ok=True)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
