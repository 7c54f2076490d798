"""What the node network learns from: patches of drawn chests and of real scans with implants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from nodewise.learn.loss import IGNORE
from nodewise.values.box import Box, Index3

if TYPE_CHECKING:
    from nodewise.phantom.implant import Background, PasteMethod
    from nodewise.phantom.patches import PatchSource

Hu = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]

IMPLANTS = (4, 11)  # nodes a patch, and as many controls
NODE_HU = (-40.0, 130.0)  # with the partial volume of a border, and with contrast medium
CONTROL = 2
TALLER_MM = 40.0  # than nodes are: vessels, oesophagus, muscles


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A patch; arrays are (x, y, z).

    Attributes:
        hu: float32. node: uint8, 1 in nodes, 0 elsewhere, ``IGNORE`` where nobody knows.
        tissue: uint8, index into ``phantom.patches.CLASSES``, ``IGNORE`` where nobody knows.
        sure: uint8, 1 where ``node`` is known for sure, ``CONTROL`` in what was made to look like one, 0 where it is a
            guess.
        real: whether it is a patient's.
    """

    hu: Hu
    node: Labels
    tissue: Labels
    sure: Labels
    real: bool


class Source(Protocol):
    """Where examples come from."""

    def draw(self, rng: np.random.Generator) -> Example:
        """One of them; the same generator draws the same."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnChests:
    """Patches of phantoms."""

    patches: PatchSource
    node_class: int = 1

    def draw(self, rng: np.random.Generator) -> Example:
        """A new appearance of a part of one of them."""
        hu, tissue = self.patches.draw(rng)
        node = (tissue == self.node_class).astype(np.uint8)
        return Example(hu, node, tissue, np.ones_like(tissue), real=False)


@dataclass(frozen=True, slots=True, eq=False)
class ImplantedScans:
    """Patches of real scans with new implants at every visit, nodes and controls.

    A scan's own nodes have no label. Where a person looked, what may be one is ignored and all else is none. Elsewhere
    what the survey takes for one is ignored, and that all else as dense as a node is none, is a guess, but where it
    goes on straight up and down for more than ``TALLER_MM``.
    """

    backgrounds: Sequence[Background]
    patch: Index3
    paste: PasteMethod

    def draw(self, rng: np.random.Generator) -> Example:
        """A part of one of them."""
        from nodewise.phantom.implant import implant_patch

        background = _slab(self.backgrounds[int(rng.integers(len(self.backgrounds)))], self.patch[2], rng)
        count = int(rng.integers(*IMPLANTS))
        made = implant_patch(background, rng, patch=self.patch, count=count, paste=self.paste)
        hu = made.ct.array
        node = (made.labels.array > 0).astype(np.uint8)
        dense = dense_as_a_node(hu)
        upright = run_along_z(dense) * made.ct.grid.spacing[2] > TALLER_MM
        sure = ((node > 0) | made.background.seen | ~dense | upright).astype(np.uint8)
        sure[made.controls.array > 0] = CONTROL
        node[made.ignore.array] = IGNORE
        unknown = np.full(hu.shape, IGNORE, np.uint8)
        around = [(0, p - n) for p, n in zip(self.patch, hu.shape, strict=True)]
        return Example(
            hu=np.pad(np.asarray(hu, np.float32), around, mode="edge"),
            node=np.pad(node, around, constant_values=IGNORE),
            tissue=np.pad(unknown, around, constant_values=IGNORE),
            sure=np.pad(sure, around),
            real=True,
        )


def dense_as_a_node(hu: Hu) -> npt.NDArray[np.bool_]:
    """Where the mean of 3 × 3 × 3 voxels lies in ``NODE_HU``; the same shape."""
    from scipy import ndimage

    mean = np.asarray(ndimage.uniform_filter(hu, 3))
    return np.asarray((mean > NODE_HU[0]) & (mean < NODE_HU[1]))


def run_along_z(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Length in voxels of the straight run along the last axis that each voxel of a mask (x, y, z) is in; 0 outside."""
    edges = np.diff(mask.astype(np.int8), axis=2, prepend=0, append=0)
    first, last = np.argwhere(edges == 1), np.argwhere(edges == -1)  # in the same order: they alternate along z
    length = np.zeros(mask.shape, np.int32)
    length[mask] = np.repeat(last[:, 2] - first[:, 2], last[:, 2] - first[:, 2])
    return length


def _slab(background: Background, slices: int, rng: np.random.Generator) -> Background:
    """As many slices of a scan as a patch has, anywhere: by fat alone most patches would lie near the diaphragm.

    All of it where the slices have no room for a node.
    """
    x, y, z = background.room.shape
    first = int(rng.integers(max(1, z - slices + 1)))
    slab = background.crop(Box((0, 0, first), (x, y, min(z, first + slices))))
    return slab if len(slab.places) else background
