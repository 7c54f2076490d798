"""A reference chest in which the nodes of many patients were brought together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.values.grid import Point
from nodewise.values.volume import Quantity, Volume


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chest can be laid over another by where no organ is known, in LPS mm.

    Attributes:
        carina: where everything is anchored.
        planes: height of each named level, ``carina`` among them.
        width_mm, depth_mm: of the lungs about the carina, else of the body; None where neither can be told.
        middle: (x, y, z) by rising z: the trachea above the carina, parallel to the spinal canal below.
    """

    carina: Point
    planes: Mapping[str, float]
    width_mm: float | None
    depth_mm: float | None
    middle: tuple[Point, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CaseNodes:
    """The nodes of one scan in the atlas.

    Attributes:
        name, patient: as in the data set.
        voxels: (n,) flat indices into the atlas's grid, in C order. share: (n,) of each filled by nodes, 1 to 255.
        method: how the scan was laid over the reference. folding: see ``registration.Warp``.
    """

    name: str
    patient: str
    voxels: npt.NDArray[np.int32]
    share: npt.NDArray[np.uint8]
    method: str
    folding: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an atlas comes from: what it was made of, by which command and version, and under which licence."""

    name: str
    reference: str
    made_from: str
    command: str
    version: str
    licence: str


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Where lymph nodes lie in a reference chest (P3); all maps on one grid.

    Attributes:
        prior: PROBABILITY, how often a node lies in each voxel, 0 to 1, where 1 is the atlas's largest.
        organs: LABEL; ``organ_names`` names the labels as TotalSegmentator does.
        stations: LABEL of ``Station.label``.
        frame: the reference's landmarks.
        cases: whose nodes it holds.
        origin: how it was made.
        ct: HU of the reference to draw on, coarse, or None.

    Raises:
        ValueError: the maps lie on several grids, or there is no case.
    """

    prior: Volume
    organs: Volume
    organ_names: Mapping[int, str]
    stations: Volume
    frame: Frame
    cases: tuple[CaseNodes, ...]
    origin: Origin
    ct: Volume | None = None

    def __post_init__(self) -> None:
        for volume in (self.organs, self.stations, self.ct):
            if volume is not None and not volume.grid.same_as(self.prior.grid):
                raise ValueError("the maps of an atlas lie on one grid")
        if not self.cases:
            raise ValueError("an atlas is made of at least one case")

    @property
    def carina(self) -> Point:
        """LPS mm, where distances are measured from."""
        return self.frame.carina

    @property
    def farthest_mm(self) -> float:
        """Distance from the carina to the farthest corner of the grid: what distances are scaled by."""
        corners = self.prior.grid.to_lps(self.prior.grid.corners)
        return float(np.linalg.norm(corners - self.carina, axis=1).max())

    @property
    def distance(self) -> Volume:
        """Distance from the carina, 0 there and 1 in the farthest corner (kept as a PROBABILITY is: 0 to 1)."""
        grid = self.prior.grid
        points = grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
        away = np.linalg.norm(points - self.carina, axis=-1) / self.farthest_mm
        return Volume(away.astype(np.float32), grid, Quantity.PROBABILITY)
