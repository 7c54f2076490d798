"""Lymph nodes: as found or drawn, and as described."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from nodewise.values.anatomy import StationCall
from nodewise.values.box import Box
from nodewise.values.grid import Point

Segment = tuple[Point, Point]

BULK_MM = 30.0
BULK = "size: short axis over 30 mm"


class Status(Enum):
    """What is known of a node's malignancy; ``EXTRANODAL`` is malignant with extranodal extension (P4's class ENE)."""

    BENIGN = "benign"
    MALIGNANT = "malignant"
    EXTRANODAL = "extranodal"

    @property
    def malignant(self) -> bool:
        """Whether it holds metastasis."""
        return self is not Status.BENIGN


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One lymph node on the CT's grid; predicted and annotated nodes are the same type.

    Attributes:
        id: from 1, its label in ``nodes.nii.gz``.
        box: where ``mask`` (bool, shape of the box) lies in the CT's grid.
        score: 0 to 1, how sure the finder was; 1 for an annotated node.
        status: truth where it is known.
    """

    id: int
    box: Box
    mask: npt.NDArray[np.bool_]
    score: float
    status: Status | None = None

    def __post_init__(self) -> None:
        if self.mask.shape != self.box.shape or self.mask.dtype != np.bool_:
            raise ValueError("a node's mask is bool and fills its box")
        if not self.mask.any():
            raise ValueError("a node has at least one voxel")
        view = self.mask.view()
        view.setflags(write=False)
        object.__setattr__(self, "mask", view)


@dataclass(frozen=True, slots=True)
class Size:
    """Measurements of one node in millimetres.

    Attributes:
        short_axis_mm, long_axis_mm: RECIST 1.1, on the axial slice with the largest long axis.
        long_axis_lps_mm, short_axis_lps_mm: end points of the two.
        short_axis_max_slice_mm: largest short axis of any axial slice.
        short_axis_ellipsoid_mm: smallest diameter of the equivalent ellipsoid (P3).
        equivalent_radius_mm: radius of the sphere of the same volume (P5).
    """

    short_axis_mm: float
    long_axis_mm: float
    long_axis_lps_mm: Segment
    short_axis_lps_mm: Segment
    short_axis_max_slice_mm: float
    short_axis_ellipsoid_mm: float
    volume_mm3: float
    equivalent_radius_mm: float


@dataclass(frozen=True, slots=True)
class Malignancy:
    """Probability of being metastatic, and by which method it was had.

    Attributes:
        before_bulk: the probability before the rule of bulk took its place; None where the rule did not.
    """

    probability: float
    method: str
    before_bulk: float | None = None

    def __post_init__(self) -> None:
        for probability in (self.probability, self.before_bulk or 0.0):
            if not 0.0 <= probability <= 1.0:
                raise ValueError(f"a probability lies between 0 and 1, not {probability}")

    def with_bulk(self, short_axis_mm: float) -> Malignancy:
        """Metastatic where the short axis exceeds 30 mm, whatever was said (P1; Node-RADS, Elsholtz 2021)."""
        return Malignancy(1.0, BULK, self.probability) if short_axis_mm > BULK_MM else self


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A node with all that is said of it; ``uptake`` is the largest SUVbw inside, None without PET."""

    node: Node
    centroid_lps_mm: Point
    mean_hu: float
    size: Size
    station: StationCall
    malignancy: Malignancy
    uptake: float | None = None
