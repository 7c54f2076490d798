"""What lies in each voxel of a drawn patient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto, unique

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box
from nodewise.values.grid import Grid

Labels = npt.NDArray[np.uint8]
Instances = npt.NDArray[np.uint16]


@unique
class Tissue(IntEnum):
    """What a voxel is made of; numbers are kept in files, so new tissues go at the end."""

    AIR_OUTSIDE = 0
    FAT = auto()
    MUSCLE = auto()
    BONE = auto()
    MARROW = auto()
    LUNG = auto()
    AIRWAY_LUMEN = auto()
    AIRWAY_WALL = auto()
    HEART = auto()
    HEART_RIGHT = auto()
    HEART_LEFT = auto()
    VESSEL_ARTERY = auto()
    VESSEL_PULMONARY = auto()
    VESSEL_PULMONARY_VEIN = auto()
    VESSEL_VEIN = auto()
    VESSEL_SMALL = auto()
    OESOPHAGUS = auto()
    OESOPHAGUS_AIR = auto()
    THYMUS = auto()
    THYROID = auto()
    SPINAL_CANAL = auto()
    LIVER = auto()
    SPLEEN = auto()
    STOMACH = auto()
    TUMOUR = auto()
    CONSOLIDATION = auto()
    EFFUSION = auto()
    NODE = auto()
    NODE_POSITIVE = auto()
    NODE_HILUM = auto()
    NODE_NECROSIS = auto()
    NODE_CALCIUM = auto()
    PERICARDIUM = auto()
    CARTILAGE = auto()
    BROWN_FAT = auto()
    METAL = auto()
    GLAND = auto()
    LYMPHOID = auto()
    MUCOSA = auto()
    BOWEL_WALL = auto()
    BOWEL_CONTENT = auto()
    BOWEL_GAS = auto()
    KIDNEY = auto()
    PANCREAS = auto()
    ADRENAL_GLAND = auto()
    BILE = auto()
    URINE = auto()
    VESSEL_VEIN_LATE = auto()


NODE_TISSUES = frozenset(
    (Tissue.NODE, Tissue.NODE_POSITIVE, Tissue.NODE_HILUM, Tissue.NODE_NECROSIS, Tissue.NODE_CALCIUM)
)
"""What a lymph node is made of; ``NODE`` is that of a benign one, ``NODE_POSITIVE`` of a metastatic one."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A drawn patient on a grid.

    Attributes:
        tissue: uint8, the ``Tissue`` that fills most of each voxel.
        other: uint8, the ``Tissue`` that fills the rest.
        share: uint8, how much of the voxel is ``tissue``, 255 is all of it.
        nodes: uint16, the number of the node, 0 where ``tissue`` is not a node.
    """

    grid: Grid
    tissue: Labels
    other: Labels
    share: Labels
    nodes: Instances

    def __post_init__(self) -> None:
        for array, kind in ((self.tissue, "u1"), (self.other, "u1"), (self.share, "u1"), (self.nodes, "u2")):
            if array.shape != self.grid.shape or array.dtype != np.dtype(kind):
                raise ValueError(
                    f"a geometry's arrays fill its grid {self.grid.shape}, not {array.shape} {array.dtype}"
                )

    def crop(self, box: Box) -> Geometry:
        """The voxels in ``box``, as views."""
        s = box.slices
        return Geometry(self.grid.crop(box), self.tissue[s], self.other[s], self.share[s], self.nodes[s])
