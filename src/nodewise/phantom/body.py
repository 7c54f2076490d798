"""A drawn part of a patient, with all that is true of it, before it is scanned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.geometry import Geometry
from nodewise.values.grid import Point
from nodewise.values.station import Side
from nodewise.values.volume import Volume


class BodyRegion(Enum):
    """Which part of the body."""

    CHEST = "chest"
    NECK = "neck"
    ABDOMEN = "abdomen"


@dataclass(frozen=True, slots=True)
class Tumour:
    """The primary tumour.

    Attributes:
        site: lobe or organ. side: of the patient; None where the organ has none.
        diameter_mm: largest. t_category: by its size alone. centre_mm: LPS.
    """

    site: str
    side: Side | None
    diameter_mm: float
    t_category: str
    centre_mm: Point


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A drawn patient; node i+1 of ``geometry.nodes`` is ``nodes[i]``.

    Attributes:
        organs: uint8 label map, numbers of ``organ_names``; 0 for what has none, nodes among it.
        places: label map of where a node could lie; ``place_names`` gives each label's code. In the chest these are
            ``Station.label`` and ``Station.code``.
        landmarks: LPS mm, by name.
        hard: what makes the patient hard to read, by name; empty for most.
    """

    region: BodyRegion
    geometry: Geometry
    organs: Volume
    places: Volume
    place_names: Mapping[int, str]
    nodes: tuple[DrawnNode, ...]
    landmarks: Mapping[str, Point]
    tumour: Tumour | None
    hard: tuple[str, ...] = ()
