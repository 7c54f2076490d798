"""What the node network learns from: patches of drawn chests and of real scans with implants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from nodewise.learn.loss import IGNORE
from nodewise.values.box import Index3

if TYPE_CHECKING:
    from nodewise.phantom.implant import Background, PasteMethod
    from nodewise.phantom.patches import PatchSource

Hu = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]

IMPLANTS = (2, 7)  # nodes a patch, and as many controls


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A patch; arrays are (x, y, z).

    Attributes:
        hu: float32. node: uint8, 1 in nodes, 0 elsewhere, ``IGNORE`` where nobody knows.
        tissue: uint8, index into ``phantom.patches.CLASSES``, ``IGNORE`` where nobody knows.
        sure: uint8, 1 where ``node`` is known for sure, 0 where it is only likely.
    """

    hu: Hu
    node: Labels
    tissue: Labels
    sure: Labels


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
        return Example(hu, (tissue == self.node_class).astype(np.uint8), tissue, np.ones_like(tissue))


@dataclass(frozen=True, slots=True, eq=False)
class ImplantedScans:
    """Patches of real scans with new implants at every visit, nodes and controls.

    A scan's own nodes have no label: what the survey takes for one is ignored, and the rest of the scan's own tissue is
    only likely to be none.
    """

    backgrounds: Sequence[Background]
    patch: Index3
    paste: PasteMethod

    def draw(self, rng: np.random.Generator) -> Example:
        """A part of one of them."""
        from nodewise.phantom.implant import implant_patch

        background = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        count = int(rng.integers(*IMPLANTS))
        made = implant_patch(background, rng, patch=self.patch, count=count, paste=self.paste)
        hu = made.ct.array
        node = (made.labels.array > 0).astype(np.uint8)
        sure = ((node > 0) | (made.controls.array > 0)).astype(np.uint8)
        node[made.ignore.array] = IGNORE
        unknown = np.full(hu.shape, IGNORE, np.uint8)
        around = [(0, p - n) for p, n in zip(self.patch, hu.shape, strict=True)]
        return Example(
            hu=np.pad(np.asarray(hu, np.float32), around, mode="edge"),
            node=np.pad(node, around, constant_values=IGNORE),
            tissue=np.pad(unknown, around, constant_values=IGNORE),
            sure=np.pad(sure, around),
        )


@dataclass(frozen=True, slots=True)
class Mixture:
    """Examples of several sources, each as often as its weight says."""

    sources: tuple[Source, ...]
    weights: tuple[float, ...]

    def draw(self, rng: np.random.Generator) -> Example:
        """One of one of them."""
        share = np.asarray(self.weights) / sum(self.weights)
        return self.sources[int(rng.choice(len(self.sources), p=share))].draw(rng)
