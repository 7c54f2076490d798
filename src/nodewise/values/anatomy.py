"""Where things are in one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from nodewise.values.grid import Point
from nodewise.values.station import Station
from nodewise.values.volume import Volume

LEARNED_STATIONS = "landmarks, stations by a network"
"""``Anatomy.how`` where the stations are learned."""
ORGAN_STATIONS = "landmarks, stations by rule from organs"
"""``Anatomy.how`` where the stations are laid out from organs."""


class LandmarkStatus(Enum):
    """How a search for a landmark ended."""

    FOUND = "found"
    AT_EDGE = "at the scan's edge"
    NOT_FOUND = "not found"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Landmark:
    """A named point; ``lps_mm`` is None exactly when it was not found, ``confidence`` is 0 to 1."""

    lps_mm: Point | None
    status: LandmarkStatus
    confidence: float

    def __post_init__(self) -> None:
        if (self.lps_mm is None) != (self.status is LandmarkStatus.NOT_FOUND):
            raise ValueError("a landmark has a place exactly when it was found")


@dataclass(frozen=True, slots=True)
class Region:
    """A box aligned with the patient's axes, LPS mm."""

    low_mm: Point
    high_mm: Point


@dataclass(frozen=True, slots=True)
class StationCall:
    """The station of one node: ``confidence`` 0 to 1, ``method`` how it was read, ``second`` the runner-up."""

    station: Station
    confidence: float
    method: str
    second: Station | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """Landmarks and maps, each map on its own, possibly coarse, grid.

    Attributes:
        landmarks: by name, ``carina`` first among them.
        organs: label map, or None; ``organ_names`` gives each label's name.
        stations: label map of ``Station.label``, or None where stations cannot be told.
        stations_error_mm: how far their outer borders may be too narrow.
        stations_by_rules: the landmarks' map where a station network was asked, whether its answer was used or not;
            None where none was, or where the landmarks cannot tell.
        mediastinum: where to look for nodes.
        cavity: mask of the inside of the rib cage; nodes found outside it are dropped. None where it cannot be told.
        approximate: stations that have a border whose organs were not seen, where stations are laid out from organs.
        prior: probability of a node by an atlas, 0 to 1, or None.
        distance: from the carina in that atlas, as a share of its largest, 0 to 1, or None.
        how: which reader made it.
        warnings: what a reader must know, one line each.
        unseen: why mediastinal nodes may lie outside the scan, empty where it shows the whole mediastinum.
    """

    landmarks: Mapping[str, Landmark]
    mediastinum: Region
    how: str
    organs: Volume | None = None
    organ_names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    stations: Volume | None = None
    stations_error_mm: float = 0.0
    stations_by_rules: Volume | None = None
    approximate: tuple[Station, ...] = ()
    cavity: Volume | None = None
    prior: Volume | None = None
    distance: Volume | None = None
    warnings: tuple[str, ...] = ()
    unseen: str = ""
