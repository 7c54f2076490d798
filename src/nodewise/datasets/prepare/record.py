"""What was found of one case, kept beside it so that it is not looked at twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.prepare.check import Rules
from nodewise.io.dicom_files import files_under

RECORD_FILE = "case.json"


class CaseRecord(BaseModel):
    """Facts of a case; ``check`` and ``why`` say what it failed, empty where it was kept.

    ``source`` stands for the files and rules it was made of, ``content`` for the voxels of its scan alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    check: str = ""
    why: str = ""
    warnings: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    hu: tuple[float, ...] = ()
    nodes: int = 0
    volume_ml: float = 0.0
    content: str = ""


def read_case_record(folder: Path) -> CaseRecord | None:
    """The record in a case's folder; None where there is none that can be read, so that the case is done again."""
    try:
        return CaseRecord.model_validate_json((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError, ValueError):
        return None


def write_case_record(record: CaseRecord, folder: Path) -> None:
    """Write a case's record."""
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")


def source_of(case: LabelledCase, rules: Rules) -> str:
    """A digest of where a case's files lie, their sizes and times, and of how they are to be understood."""
    paths = [case.image, case.nodes, case.stations, case.ignore, case.organs, *(case.structures or {}).values()]
    files = {str(path): _stamps(path) for path in paths if path is not None}
    stations = {str(node): [s.code for s in given] for node, given in (case.node_stations or {}).items()}
    meant = [case.annotation, case.node_label, case.ignore_label, case.unplaced, dict(case.organ_names or {}), stations]
    words = json.dumps([files, meant, asdict(rules)], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _stamps(path: Path) -> list[tuple[str, int, int]]:
    found = list(files_under(path)) if path.is_dir() else [path]
    return [(file.name, (told := file.stat()).st_size, told.st_mtime_ns) for file in found]
