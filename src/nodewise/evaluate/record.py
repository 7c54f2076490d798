"""What is kept of one patient: every figure of a cohort is computed from these records, no voxel is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodewise.evaluate.crop import Crop
from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.patient import Patient
from nodewise.metrics.instances import Ints
from nodewise.metrics.lesionwise import LesionCounts
from nodewise.metrics.overlap import VoxelCounts
from nodewise.metrics.record import InstanceRecord
from nodewise.values.grid import Point
from nodewise.values.node import Status
from nodewise.values.station import Station

STATION_CODES = frozenset(station.code for station in Station if station is not Station.UNKNOWN)


@dataclass(frozen=True, slots=True)
class TrueNode:
    """One node of the truth, and what became of it.

    Attributes:
        slices: axial slices that it lies on.
        place: its station, level or compartment; empty where not known.
        found_by: id of the predicted node of the largest Dice; None where no prediction shares a voxel with it.
        dice: with that node, 0 where missed; covered: share of it under any prediction.
        score: of that node; None where missed.
        named: the station that the assessment gives that node; None where missed or not named.
        second: the assessment's runner-up.
        on_map: stations of the prediction's own map at this node, likeliest first; None without a map.
        on_map_share: share of the node in the first of them; 0 where that is only the nearest.
        on_rules: as ``on_map``, of the map by landmarks and planes that stands beside a learned one.
        malignancy: probability that the assessment gives the node that found it; None where missed or not given.
        named_status: class that the prediction gives it.
    """

    id: int
    short_axis_mm: float
    volume_mm3: float
    centroid_lps_mm: Point
    slices: int
    place: str
    status: Status | None
    found_by: int | None
    dice: float
    covered: float
    score: float | None
    named: Station | None
    second: Station | None
    on_map: tuple[Station, ...] | None
    on_map_share: float | None
    malignancy: float | None
    named_status: Status | None
    on_rules: tuple[Station, ...] | None = None

    @property
    def station(self) -> Station | None:
        """Its place where that is an IASLC station."""
        return Station(self.place) if self.place in STATION_CODES else None

    @property
    def assessed(self) -> bool:
        """Whether an assessment says something of it; its station may still be unknown there."""
        return self.malignancy is not None


@dataclass(frozen=True, slots=True)
class PredictedNode:
    """One predicted node.

    Attributes:
        hits: the true node of the largest Dice, None for a false positive.
        control: what an implanted control that it hits is, where it is false; empty where it hits none.
    """

    id: int
    short_axis_mm: float
    volume_mm3: float
    centroid_lps_mm: Point
    score: float
    hits: int | None
    control: str
    dice: float
    station: Station | None
    malignancy: float | None
    status: Status | None


@dataclass(frozen=True, slots=True)
class Control:
    """Something implanted that is no node: what it is, and the share of it under any predicted node."""

    id: int
    kind: str
    short_axis_mm: float
    covered: float


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One patient: everything that the cohort's figures are computed from.

    Attributes:
        confusion: (4, 4) voxels by true class (rows) and given class: background, negative, positive, extranodal; None
            where either has no classes.
        assd_mm: by definition: lnq, surfel, pooled; NaN where a mask is empty.
        ranked: whether scores tell detections apart.
        seconds: that the prediction took, None where not said.
        crops: slices of the largest nodes missed and of the largest false positives.
        controls: what was implanted that is no node. pair: the files that it was read from.
    """

    name: str
    instances: InstanceRecord
    voxels: VoxelCounts
    lesions: LesionCounts
    assd_mm: Mapping[str, float]
    nodes: tuple[TrueNode, ...]
    predicted: tuple[PredictedNode, ...]
    patient: Patient
    confusion: Ints | None
    ranked: bool
    seconds: float | None
    warnings: tuple[str, ...]
    crops: tuple[Crop, ...]
    image: Path | None
    controls: tuple[Control, ...] = ()
    pair: Pair | None = None
