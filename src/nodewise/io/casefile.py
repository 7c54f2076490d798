"""``assessment.json``: what is said of one study, as a file that other programs read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodewise.values.anatomy import Landmark
from nodewise.values.assessment import Assessment, Provenance, Stage
from nodewise.values.errors import BadInputError
from nodewise.values.node import Finding, Segment

SchemaVersion = Literal["1.0", "1.1"]
SCHEMA_VERSION: SchemaVersion = "1.1"
PointMm = tuple[float, float, float]
EndPoints = tuple[PointMm, PointMm]
Probability = Field(ge=0.0, le=1.0)


class _Record(BaseModel):
    """Frozen, with nothing unnamed in it, and finite: JSON has no word for NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AxesEndpoints(_Record):
    """End points of the two RECIST axes, LPS mm."""

    long: EndPoints
    short: EndPoints


class NodeRecord(_Record):
    """One lymph node; lengths in mm, places in LPS mm, ``uptake`` the largest SUVbw or null without PET.

    ``malignancy_before_bulk`` is the probability that the rule of 30 mm took the place of, null where it did not; files
    of schema 1.0 do not keep it.
    """

    id: int = Field(ge=1)
    station: str
    station_confidence: float = Probability
    station_method: str
    station_second: str | None
    centroid_lps_mm: PointMm
    short_axis_mm: float
    long_axis_mm: float
    axes_endpoints_lps_mm: AxesEndpoints
    short_axis_max_slice_mm: float
    short_axis_ellipsoid_mm: float
    volume_mm3: float
    equivalent_radius_mm: float
    mean_hu: float
    score: float = Probability
    malignancy: float = Probability
    malignancy_method: str
    malignancy_before_bulk: float | None = Field(default=None, ge=0.0, le=1.0)
    uptake: float | None = None


class StageRecord(_Record):
    """The N category; ``if_left`` and ``if_right`` hold both answers where the primary's side is unknown."""

    edition: int
    category: str
    at_least: bool
    reason: str
    primary_side: Literal["left", "right", "unknown"]
    probability: dict[str, float]
    driving_nodes: list[int]
    rule: str
    threshold: float
    if_left: StageRecord | None = None
    if_right: StageRecord | None = None


class StudyRecord(_Record):
    """What was read: a hash for an id, facts of the scan, series that were not used; nothing names the patient."""

    id: str
    facts: dict[str, str | float | int]
    left_out: list[str]


class LandmarkRecord(_Record):
    """A named point of the anatomy; ``lps_mm`` is null where it was not found."""

    lps_mm: PointMm | None
    status: str
    confidence: float


class ProvenanceRecord(_Record):
    """How the assessment was made; ``seconds`` a stage by name."""

    model: str
    trained_on: str
    weights_sha256: str
    versions: dict[str, str]
    seconds: dict[str, float]
    peak_memory_mb: float | None
    command: str
    device: str
    settings: dict[str, float | str]


class AssessmentRecord(_Record):
    """The whole of ``assessment.json``; ``model_json_schema()`` gives its JSON schema."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    research_use_only: Literal[True] = True
    study: StudyRecord
    stage: StageRecord
    nodes: list[NodeRecord]
    landmarks: dict[str, LandmarkRecord]
    warnings: list[str]
    provenance: ProvenanceRecord


def record_of(assessment: Assessment) -> AssessmentRecord:
    """The file's form of an assessment; lengths rounded to 0.001 mm, probabilities to 0.000001.

    Raises:
        ValueError: a measurement is not finite.
    """
    source = assessment.study.source
    return AssessmentRecord(
        study=StudyRecord(id=assessment.study.id, facts=_finite(source.facts), left_out=list(source.left_out)),
        stage=_stage(assessment.stage),
        nodes=[_node(finding) for finding in assessment.findings],
        landmarks={name: landmark_record(landmark) for name, landmark in assessment.anatomy.landmarks.items()},
        warnings=list(assessment.warnings),
        provenance=_provenance(assessment.provenance),
    )


def write_record(record: AssessmentRecord, path: Path) -> None:
    """Write ``assessment.json``, UTF-8, indented."""
    path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_record(path: Path) -> AssessmentRecord:
    """Read ``assessment.json``.

    Raises:
        BadInputError: not such a file, or written under a newer schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise BadInputError(f"{path}: is not JSON ({error})") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, str):
        raise BadInputError(f"{path}: is not an assessment of nodewise: it has no schema_version")
    if _version(version) > _version(SCHEMA_VERSION):
        raise BadInputError(
            f"{path}: has schema {version}, this nodewise reads up to {SCHEMA_VERSION}: install a newer nodewise"
        )
    try:
        return AssessmentRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"{path}: does not follow schema {SCHEMA_VERSION} at {where}: {first['msg']}") from error


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in text.split("."))


def _node(finding: Finding) -> NodeRecord:
    size, station, before = finding.size, finding.station, finding.malignancy.before_bulk
    return NodeRecord(
        id=finding.node.id,
        station=station.station.code,
        station_confidence=round(station.confidence, 6),
        station_method=station.method,
        station_second=station.second.code if station.second else None,
        centroid_lps_mm=_point(finding.centroid_lps_mm),
        short_axis_mm=round(size.short_axis_mm, 3),
        long_axis_mm=round(size.long_axis_mm, 3),
        axes_endpoints_lps_mm=AxesEndpoints(long=_ends(size.long_axis_lps_mm), short=_ends(size.short_axis_lps_mm)),
        short_axis_max_slice_mm=round(size.short_axis_max_slice_mm, 3),
        short_axis_ellipsoid_mm=round(size.short_axis_ellipsoid_mm, 3),
        volume_mm3=round(size.volume_mm3, 3),
        equivalent_radius_mm=round(size.equivalent_radius_mm, 3),
        mean_hu=round(float(finding.mean_hu), 3),
        score=round(finding.node.score, 6),
        malignancy=round(finding.malignancy.probability, 6),
        malignancy_method=finding.malignancy.method,
        malignancy_before_bulk=None if before is None else round(before, 6),
        uptake=None if finding.uptake is None else round(finding.uptake, 3),
    )


def _stage(stage: Stage) -> StageRecord:
    return StageRecord(
        edition=stage.edition,
        category=stage.category,
        at_least=stage.at_least,
        reason=stage.reason,
        primary_side=stage.primary_side.value if stage.primary_side else "unknown",
        probability={category: round(p, 6) for category, p in stage.probability.items()},
        driving_nodes=list(stage.driving_nodes),
        rule=stage.rule,
        threshold=stage.threshold,
        if_left=_stage(stage.if_left) if stage.if_left else None,
        if_right=_stage(stage.if_right) if stage.if_right else None,
    )


def landmark_record(landmark: Landmark) -> LandmarkRecord:
    """The file's form of a landmark; its place rounded to 0.001 mm."""
    return LandmarkRecord(
        lps_mm=_point(landmark.lps_mm) if landmark.lps_mm else None,
        status=landmark.status.value,
        confidence=round(landmark.confidence, 6),
    )


def _provenance(provenance: Provenance) -> ProvenanceRecord:
    peak: float | None = provenance.peak_memory_mb
    return ProvenanceRecord(
        model=provenance.model,
        trained_on=provenance.trained_on,
        weights_sha256=provenance.weights_sha256,
        versions=dict(provenance.versions),
        seconds={name: round(seconds, 3) for name, seconds in provenance.seconds.items()},
        peak_memory_mb=None if peak is None else round(peak, 1),
        command=provenance.command,
        device=provenance.device,
        settings=dict(provenance.settings),
    )


def _finite(facts: Mapping[str, str | float | int]) -> dict[str, str | float | int]:
    """Facts as the scanner gave them; a number that is none is kept as its word."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in facts.items()}


def _point(lps_mm: PointMm) -> PointMm:
    x, y, z = lps_mm
    return (round(float(x), 3), round(float(y), 3), round(float(z), 3))


def _ends(segment: Segment) -> EndPoints:
    return (_point(segment[0]), _point(segment[1]))
