"""From a CT and its nodes to what a classifier of nodes sees: one small cube a node, cut straight from the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.volume import Quantity, Volume

Floats = npt.NDArray[np.float32]
_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class NodePatchPreparation:
    """A cube about each node, its axes the patient's whatever those of the scan; CT in each window, then the mask.

    Attributes:
        size_voxels: along each edge (P1's garbled "32 82" read as 32³).
        spacing_mm: of its voxels.
        windows: (low, high) HU of each channel, put to 0 and 1 and cut off beyond.
        shrink_large: whether a node that does not fit is shown whole in larger voxels; else its middle part is shown.
    """

    size_voxels: int = 32
    spacing_mm: float = 1.0
    windows: tuple[tuple[float, float], ...] = ((-160.0, 240.0),)
    shrink_large: bool = False

    @property
    def channels(self) -> int:
        """Of the patches: the windows and the mask."""
        return len(self.windows) + 1

    def __call__(self, ct: Volume, nodes: Sequence[Node]) -> Floats:
        """The patches (n, channels, x, y, z) of nodes whose boxes lie on the grid of ``ct``, float32, 0 to 1.

        Only the voxels near a node are touched.
        """
        patches = np.empty((len(nodes), self.channels, *(self.size_voxels,) * 3), dtype=np.float32)
        for patch, node in zip(patches, nodes, strict=True):
            grid = self.grid(ct.grid, node)
            hu = resample(ct, grid).array
            for channel, (low, high) in zip(patch, self.windows, strict=False):
                np.clip((hu - np.float32(low)) / np.float32(high - low), 0, 1, out=channel)
            around = node.box.expanded(1)  # so that the border is interpolated down to 0
            mask = Volume(np.pad(node.mask, 1).astype(np.float32), ct.grid.crop(around), Quantity.PROBABILITY)
            share = resample(mask, grid).array
            patch[-1] = (share > 0) & (share >= min(_INSIDE, share.max()))  # a node under half a voxel keeps one
        return patches

    def grid(self, ct_grid: Grid, node: Node) -> Grid:
        """Where the patch of a node lies: about the middle of the box, along the patient's axes, that holds it."""
        n = self.size_voxels
        edges = ct_grid.crop(node.box).to_lps(np.argwhere(node.mask))
        low, high = edges.min(axis=0), edges.max(axis=0)
        step = self.spacing_mm
        if self.shrink_large:
            step = max(step, float((high - low).max() + max(ct_grid.spacing)) / n)
        x, y, z = (0.5 * (low + high) - step * 0.5 * (n - 1)).tolist()
        return Grid.of((n, n, n), (step, step, step), (x, y, z))
