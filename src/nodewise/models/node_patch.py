"""From a CT and its nodes to what a classifier of nodes sees: one small cube a node, cut straight from the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

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
        about_node: whether the windows' HU count from the mean of the node's own.
        near_voxels: what lies farther than this from the node, along any axis, is 0 in every window; None shows all.
        inside_hu: one channel more, before the mask, of the node alone: 0 at its mean and outside, 1 so many HU above
            it, cut off at −2 and 2; None for no such channel.
    """

    size_voxels: int = 32
    spacing_mm: float = 1.0
    windows: tuple[tuple[float, float], ...] = ((-160.0, 240.0),)
    shrink_large: bool = False
    about_node: bool = False
    near_voxels: int | None = None
    inside_hu: float | None = None

    @property
    def channels(self) -> int:
        """Of the patches: the windows, the node alone where it is wanted, and the mask."""
        return len(self.windows) + (self.inside_hu is not None) + 1

    def __call__(self, ct: Volume, nodes: Sequence[Node]) -> Floats:
        """The patches (n, channels, x, y, z) of nodes whose boxes lie on the grid of ``ct``, float32.

        Only the voxels near a node are touched.
        """
        hu, inside = (np.empty((len(nodes), *(self.size_voxels,) * 3), np.float32) for _ in range(2))
        for n, node in enumerate(nodes):
            grid = self.grid(ct.grid, node)
            hu[n] = resample(ct, grid).array
            around = node.box.expanded(1)  # so that the border is interpolated down to 0
            mask = Volume(np.pad(node.mask, 1).astype(np.float32), ct.grid.crop(around), Quantity.PROBABILITY)
            share = resample(mask, grid).array
            inside[n] = (share > 0) & (share >= min(_INSIDE, share.max()))  # a node under half a voxel keeps one
        return self.shown(hu, inside)

    def shown(self, hu: Floats, inside: Floats) -> Floats:
        """The patches of HU (n, x, y, z) that are cut already, with masks of 0 and 1 of the same shape."""
        patches = np.empty((len(hu), self.channels, *hu.shape[1:]), np.float32)
        voxels = np.maximum(inside.sum(axis=(1, 2, 3), keepdims=True), 1)
        above = hu - (hu * inside).sum(axis=(1, 2, 3), keepdims=True) / voxels
        for channel, (low, high) in enumerate(self.windows):
            from_low = (above if self.about_node else hu) - np.float32(low)
            np.clip(from_low / np.float32(high - low), 0, 1, out=patches[:, channel])
        if self.near_voxels is not None:
            edge = 2 * self.near_voxels + 1
            patches[:, : len(self.windows)] *= ndimage.maximum_filter(inside, (1, edge, edge, edge))[:, None]
        if self.inside_hu is not None:
            patches[:, -2] = np.clip(above / np.float32(self.inside_hu), -2, 2) * inside
        patches[:, -1] = inside
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
