"""``landmarks.json``: the named points of one scan, as a file that people correct and give back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nodewise.io.casefile import LandmarkRecord, PointMm, landmark_record
from nodewise.values.anatomy import Landmark
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point


class LandmarksRecord(BaseModel):
    """The whole of ``landmarks.json``; each landmark as in ``assessment.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal["1.0"] = "1.0"
    landmarks: dict[str, LandmarkRecord]


class _Given(BaseModel):
    """A point as someone gives it: where it lies is enough; ``null`` leaves it as it is found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lps_mm: PointMm | None
    status: str = ""
    confidence: float = 1.0


def write_landmarks(landmarks: Mapping[str, Landmark], path: Path) -> None:
    """Write ``landmarks.json``, UTF-8, indented; places rounded to 0.001 mm."""
    record = LandmarksRecord(landmarks={name: landmark_record(landmark) for name, landmark in landmarks.items()})
    path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_landmarks(path: Path) -> Mapping[str, Point]:
    """Points by name from ``landmarks.json``, or from an ``assessment.json``; LPS mm.

    Raises:
        BadInputError: not such a file, or a point is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON ({error})") from error
    given = content.get("landmarks") if isinstance(content, dict) else None
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: holds no landmarks: expected landmarks.json as nodewise predict writes it")
    found = {}
    for name, value in given.items():
        try:
            point = _Given.model_validate(value).lps_mm
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in (name, *first["loc"]))
            raise BadInputError(f"{path}: landmark {where}: {first['msg']}") from error
        if point is not None:
            found[name] = point
    return found
