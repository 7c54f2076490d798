"""Training patches from drawn patients: geometry kept, appearance redrawn at every visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.geometry import NODE_TISSUES, Geometry, Tissue
from nodewise.phantom.scan.arrays import look_up, take
from nodewise.phantom.scan.protocol import Protocol, draw_protocol
from nodewise.phantom.scan.scanner import Layers, layers_of, redraw
from nodewise.phantom.scan.tissue import draw_appearance
from nodewise.values.box import Box, Index3
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = (
    "other", "node", "vessel", "oesophagus", "airway", "heart", "muscle", "bone", "lung", "thymus", "mass", "abdomen",
)  # fmt: skip
"""What the network tells apart; ``other`` is fat, skin and outside air."""

_GROUPS = {
    "node": tuple(NODE_TISSUES),
    "vessel": (
        Tissue.VESSEL_ARTERY,
        Tissue.VESSEL_PULMONARY,
        Tissue.VESSEL_PULMONARY_VEIN,
        Tissue.VESSEL_VEIN,
        Tissue.VESSEL_VEIN_LATE,
        Tissue.VESSEL_SMALL,
    ),
    "oesophagus": (Tissue.OESOPHAGUS, Tissue.OESOPHAGUS_AIR),
    "airway": (Tissue.AIRWAY_LUMEN, Tissue.AIRWAY_WALL),
    "heart": (Tissue.HEART, Tissue.HEART_LEFT, Tissue.HEART_RIGHT),
    "muscle": (Tissue.MUSCLE, Tissue.THYROID),
    "bone": (Tissue.BONE, Tissue.MARROW, Tissue.SPINAL_CANAL),
    "lung": (Tissue.LUNG,),
    "thymus": (Tissue.THYMUS,),
    "mass": (Tissue.TUMOUR, Tissue.CONSOLIDATION, Tissue.EFFUSION),
    "abdomen": (Tissue.LIVER, Tissue.SPLEEN, Tissue.STOMACH),
}
_CLASS_OF = np.zeros(256, np.uint8)
for _name, _tissues in _GROUPS.items():
    _CLASS_OF[list(_tissues)] = CLASSES.index(_name)

Classes = npt.NDArray[np.uint8]
Scalar = TypeVar("Scalar", bound=np.generic)
_MARGIN: Index3 = (3, 3, 3)
_SENT = {1: np.uint8, 2: np.int32}  # torch computes little in uint16


def classes_of(geometry: Geometry) -> Classes:
    """The class of each voxel, an index into ``CLASSES``; uint8 (x, y, z)."""
    return np.asarray(_CLASS_OF[geometry.tissue])


@dataclass(frozen=True, slots=True, eq=False)
class PatchSource:
    """Draws patches from a bank of geometries of one spacing."""

    geometries: Sequence[Geometry]
    patch: Index3 = (96, 96, 64)
    near_node: float = 0.5
    places: tuple[npt.NDArray[np.float64], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", tuple(_centres(g) for g in self.geometries))

    def draw(self, rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], Classes]:
        """HU float32 and classes uint8, both of shape ``patch`` (x, y, z): half of them about a node."""
        wide, inner, spacing = self._crop(rng)
        layers = Layers(*(None if a is None else np.ascontiguousarray(a) for a in layers_of(wide)))
        hu = redraw(layers, spacing, draw_appearance(rng), _protocol(rng), rng).T[inner]
        return _padded(np.ascontiguousarray(hu), self.patch), _padded(classes_of(wide)[inner], self.patch)

    def draw_on(self, device: str, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The same as tensors, redrawn on a torch device from labels alone: HU float32 and classes uint8.

        Every draw but the noise is that of ``draw``.
        """
        import torch

        wide, inner, spacing = self._crop(rng)
        sent = (
            None if a is None else torch.from_numpy(np.ascontiguousarray(a, _SENT[a.dtype.itemsize])).to(device)
            for a in layers_of(wide)
        )
        layers = Layers(*sent)
        hu = redraw(layers, spacing, draw_appearance(rng), _protocol(rng), rng).permute(2, 1, 0)[inner]
        classes = look_up(_CLASS_OF, layers.tissue).permute(2, 1, 0)[inner]
        at = [np.minimum(np.arange(p), n - 1) for p, n in zip(self.patch, hu.shape, strict=True)]
        for axis, index in enumerate(at):
            hu, classes = take(hu, index, axis), take(classes, index, axis)
        return hu, classes

    def _crop(self, rng: np.random.Generator) -> tuple[Geometry, tuple[slice, slice, slice], Point]:
        """A part of a geometry, the patch in it, and its spacing."""
        number = int(rng.integers(len(self.geometries)))
        geometry = self.geometries[number]
        middle = self._middle(number, rng)
        start = [round(m - p / 2) for m, p in zip(middle, self.patch, strict=True)]
        start = [max(0, min(a, n - p)) for a, n, p in zip(start, geometry.grid.shape, self.patch, strict=True)]
        stop = [a + p for a, p in zip(start, self.patch, strict=True)]
        box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])).clipped(geometry.grid.shape)
        wide = box.expanded(_MARGIN).clipped(geometry.grid.shape)
        inner = box.shifted((-wide.start[0], -wide.start[1], -wide.start[2])).slices
        return geometry.crop(wide), inner, geometry.grid.spacing

    def _middle(self, number: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Voxel on which the patch is centred: near a random node, or anywhere it fits."""
        places = self.places[number]
        if rng.random() < self.near_node and len(places):
            return np.asarray(places[int(rng.integers(len(places)))] + rng.uniform(-0.25, 0.25, 3) * self.patch)
        return np.asarray(rng.uniform(0, 1, 3) * self.geometries[number].grid.shape)


def _centres(geometry: Geometry) -> npt.NDArray[np.float64]:
    """Middle voxel (n, 3) of each node's box."""
    boxes = [b for b in ndimage.find_objects(geometry.nodes) if b is not None]
    return np.array([[(s.start + s.stop) / 2 for s in box] for box in boxes], np.float64).reshape(-1, 3)


def _protocol(rng: np.random.Generator) -> Protocol:
    """A protocol for a part of a body at a coarse spacing.

    Its noise is even, for what the rest attenuates is not known, and no louder than resampling leaves it.
    """
    protocol = draw_protocol(rng)
    return replace(protocol, attenuation=0.0, noise_hu=min(protocol.noise_hu, 40.0))


def _padded(array: npt.NDArray[Scalar], shape: Index3) -> npt.NDArray[Scalar]:
    """``array`` made up to ``shape`` by repeating its edge."""
    if array.shape == shape:
        return array
    return np.pad(array, [(0, p - n) for n, p in zip(array.shape, shape, strict=True)], mode="edge")


def save_geometry(geometry: Geometry, path: Path) -> None:
    """Write a geometry as a compressed npz."""
    g = geometry
    np.savez_compressed(
        path, affine=g.grid.affine, tissue=g.tissue.T, other=g.other.T, share=g.share.T, nodes=g.nodes.T
    )


def load_geometry(path: Path) -> Geometry:
    """Read what ``save_geometry`` wrote.

    Raises:
        BadInputError: the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            tissue = file["tissue"].T
            grid = Grid(tissue.shape, file["affine"])
            return Geometry(grid, tissue, file["other"].T, file["share"].T, file["nodes"].T)
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{path} is not a drawn patient written by nodewise: {error}") from error
