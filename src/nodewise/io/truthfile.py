"""``truth.json``: what is true of one drawn patient, named as in ``assessment.json`` wherever both say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nodewise.io.casefile import AxesEndpoints, PointMm
from nodewise.values.errors import BadInputError
from nodewise.values.node import Segment, Size, Status
from nodewise.values.station import Station

TRUTH_VERSION: Literal["2.0"] = "2.0"
RegionName = Literal["chest", "neck", "abdomen"]
StatusName = Literal["benign", "malignant", "extranodal"]
HistologyName = Literal["benign", "malignant", "n/a"]

_PLACE = {"chest": "station", "neck": "level", "abdomen": "compartment"}


class _Record(BaseModel):
    """Frozen, with nothing unnamed in it, and finite: JSON has no word for NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrueNode(_Record):
    """One lymph node, measured on its drawn mask; lengths in mm, places in LPS mm.

    ``station`` (IASLC code) is given in the chest, ``level`` in the neck, ``compartment`` in the abdomen. ``uptake`` is
    the largest SUVbw inside on the PET as scanned, ``suv_drawn`` that of its tissue before blur and noise; both are
    null without PET.
    """

    id: int = Field(ge=1)
    station: str | None = None
    level: str | None = None
    compartment: str | None = None
    status: StatusName | None
    centroid_lps_mm: PointMm
    short_axis_mm: float
    long_axis_mm: float
    axes_endpoints_lps_mm: AxesEndpoints
    short_axis_max_slice_mm: float
    short_axis_ellipsoid_mm: float
    volume_mm3: float
    equivalent_radius_mm: float
    mean_hu: float
    uptake: float | None = None
    suv_drawn: float | None = None

    @property
    def place(self) -> str:
        """Its station, level or compartment."""
        return self.station or self.level or self.compartment or ""

    @property
    def malignant(self) -> bool | None:
        """Whether it holds metastasis; None where that is not known."""
        return None if self.status is None else Status(self.status).malignant


class TrueControl(_Record):
    """Something implanted that is no node and might be taken for one; ``kind`` says what."""

    id: int = Field(ge=1)
    kind: str
    centroid_lps_mm: PointMm
    short_axis_mm: float
    long_axis_mm: float
    volume_mm3: float


class TrueTumour(_Record):
    """The primary tumour: its lobe or organ, side, largest diameter, T category by size alone, and centre."""

    site: str
    side: Literal["left", "right"] | None
    diameter_mm: float
    t_category: str
    centroid_lps_mm: PointMm
    suv_drawn: float | None = None


class TruePet(_Record):
    """How the PET was made.

    ``shift_mm`` is how far, along the patient, the PET's diaphragm lies from the CT's (positive: towards the head), 0
    in register; ``seconds_to_scan`` runs from the injection to the start of the series.
    """

    shift_mm: float
    fwhm_mm: float
    dose_bq: float
    weight_kg: float
    seconds_to_scan: float


class TruthRecord(_Record):
    """The whole of ``truth.json``; ``model_json_schema()`` gives its JSON schema.

    N categories are null outside the chest, and of a real scan that nodes were implanted into: its own disease is not
    known. ``region`` and ``phase`` are null where they are not known, and nodes then have no place. ``organs`` and
    ``places`` give each name's number in ``organs.nii.gz`` and ``stations.nii.gz``; ``station_histology`` what a
    laboratory would report of each station; ``made`` the settings that the patient was made with; ``negatives`` what
    was implanted that is no node.
    """

    schema_version: Literal["2.0"] = TRUTH_VERSION
    region: RegionName | None
    seed: int
    phase: str | None
    contrast: bool
    primary_side: Literal["left", "right", "unknown"]
    tumour: TrueTumour | None = None
    n_category_8: str | None = None
    n_category_9: str | None = None
    landmarks_lps_mm: dict[str, PointMm] = Field(default_factory=dict)
    hard: list[str] = Field(default_factory=list)
    station_histology: dict[str, HistologyName] | None = None
    organs: dict[str, int] = Field(default_factory=dict)
    places: dict[str, int] = Field(default_factory=dict)
    pet: TruePet | None = None
    made: dict[str, str] = Field(default_factory=dict)
    nodes: list[TrueNode]
    negatives: list[TrueControl] = Field(default_factory=list)

    @model_validator(mode="after")
    def _places_belong_to_the_region(self) -> TruthRecord:
        for node in self.nodes:
            given = [name for name in _PLACE.values() if getattr(node, name) is not None]
            wanted = [_PLACE[self.region]] if self.region else []
            if given != wanted:
                raise ValueError(f"node {node.id} of {self.region or 'no region'} has to have {wanted or 'no place'}")
            if node.station is not None and node.station not in _STATIONS:
                raise ValueError(f"node {node.id} lies in no IASLC station: {node.station}")
        if len({node.id for node in self.nodes}) < len(self.nodes):
            raise ValueError("two nodes have the same id")
        return self


_STATIONS = {station.code for station in Station}


def true_node(
    number: int,
    region: RegionName | None,
    place: str,
    status: Status | None,
    centroid_lps_mm: Sequence[float],
    size: Size,
    *,
    mean_hu: float,
    suv: tuple[float, float] | None = None,
) -> TrueNode:
    """The file's form of a node, its numbers rounded to 0.001; ``suv`` is the uptake and the SUV drawn."""
    where = {_PLACE[region]: place} if region else {}
    return TrueNode(
        id=number,
        station=where.get("station"),
        level=where.get("level"),
        compartment=where.get("compartment"),
        status=status.value if status else None,
        centroid_lps_mm=rounded(centroid_lps_mm),
        short_axis_mm=round(size.short_axis_mm, 3),
        long_axis_mm=round(size.long_axis_mm, 3),
        axes_endpoints_lps_mm=AxesEndpoints(long=_ends(size.long_axis_lps_mm), short=_ends(size.short_axis_lps_mm)),
        short_axis_max_slice_mm=round(size.short_axis_max_slice_mm, 3),
        short_axis_ellipsoid_mm=round(size.short_axis_ellipsoid_mm, 3),
        volume_mm3=round(size.volume_mm3, 3),
        equivalent_radius_mm=round(size.equivalent_radius_mm, 3),
        mean_hu=round(mean_hu, 3),
        uptake=round(suv[0], 3) if suv else None,
        suv_drawn=round(suv[1], 3) if suv else None,
    )


def rounded(lps_mm: Sequence[float]) -> PointMm:
    """A point to 0.001 mm."""
    x, y, z = (round(float(c), 3) for c in lps_mm)
    return (x, y, z)


def _ends(segment: Segment) -> tuple[PointMm, PointMm]:
    return (rounded(segment[0]), rounded(segment[1]))


def write_truth(record: TruthRecord, path: Path) -> None:
    """Write ``truth.json``, UTF-8, indented."""
    path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_truth(path: Path) -> TruthRecord:
    """Read ``truth.json``.

    Raises:
        BadInputError: not such a file, or of another schema; phantoms of schema 1.0 are to be made again.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON ({error})") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, str):
        raise BadInputError(f"{path}: is not a truth of nodewise: it has no schema_version")
    if version != TRUTH_VERSION:
        do = "make the phantom again" if version == "1.0" else "install the nodewise that wrote it"
        raise BadInputError(f"{path}: has schema {version}, this nodewise reads {TRUTH_VERSION}: {do}")
    try:
        return TruthRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its top"
        raise BadInputError(f"{path}: does not follow schema {TRUTH_VERSION} at {where}: {first['msg']}") from error
