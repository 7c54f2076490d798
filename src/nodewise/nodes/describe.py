"""What can be measured of a node on its CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.image.shape import measure
from nodewise.values.grid import Point
from nodewise.values.node import Node, Size
from nodewise.values.study import Study


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured part of a finding.

    Attributes:
        centroid_lps_mm: mean of the voxel centres.
        mean_hu: mean of the CT inside.
    """

    centroid_lps_mm: Point
    mean_hu: float
    size: Size


def describe(node: Node, study: Study) -> Measured:
    """Place, mean HU and size of one node; its box lies on the grid of ``study.ct``."""
    grid = study.ct.grid.crop(node.box)
    x, y, z = grid.to_lps(np.argwhere(node.mask).mean(axis=0)).tolist()
    hu = study.ct.array[node.box.slices][node.mask]
    return Measured((x, y, z), float(hu.mean(dtype=np.float64)), measure(node.mask, grid))
