"""Where nodes are likely, from the scans that are trained on: P3's node atlas laid by the carina and the lungs' box.

Each patient's nodes are put into one frame: the carina is its origin, and each half of each axis is stretched so that
the lungs' box has the mean size. There they are averaged, smoothed by σ = 5 mm and scaled to 1 (P3, section 3.1).
Any other atlas takes part as a function that fills an anatomy's ``prior`` and ``distance``.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nodewise.models.prior_preparation import lung_region
from nodewise.values.anatomy import Anatomy
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

Floats = npt.NDArray[np.float64]

STEP_MM = 3.0
SIGMA_MM = 5.0
BEYOND_MM = 30.0  # of the lungs' box, that the atlas reaches
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises of a file of arrays that is none, or not whole."""
LEAST_MM = 20.0  # from the carina to a side of the lungs' box: less is no chest


class NodeAtlas(Protocol):
    """What the recipe asks of an atlas; ``CarinaAtlas`` is one, and one that is registered can be another."""

    def lay(self, anatomy: Anatomy) -> Anatomy:
        """The anatomy with ``prior`` and ``distance``; without them, and with a warning, where that is impossible."""

    def to_bytes(self) -> bytes:
        """The atlas as the file that travels with the weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A patient's carina in LPS mm, and how far the lungs' box reaches from it: (3, 2) mm, down and up each axis."""

    carina: Floats
    reach: Floats

    def to(self, other: Frame, lps_mm: Floats) -> Floats:
        """Points (…, 3) of this patient, in mm from the carina of another."""
        away = lps_mm - self.carina
        stretch = other.reach / self.reach
        return np.asarray(away * np.where(away < 0, stretch[:, 0], stretch[:, 1]))


def frame_of(anatomy: Anatomy) -> Frame | None:
    """The frame of a patient; None without a carina, or where it does not lie well inside the lungs' box."""
    carina = anatomy.landmarks.get("carina")
    if carina is None or carina.lps_mm is None:
        return None
    region, middle = lung_region(anatomy), np.array(carina.lps_mm)
    reach = np.stack([middle - np.array(region.low_mm), np.array(region.high_mm) - middle], axis=1)
    return Frame(middle, reach) if reach.min() >= LEAST_MM else None


@dataclass(frozen=True, slots=True, eq=False)
class CarinaAtlas:
    """How often each place of the mean patient is node.

    Attributes:
        total: (x, y, z) float32, the sum over patients of how much of a voxel is node. patients: how many.
        mean: frame of the mean patient; its carina is the origin. grid: of ``total``, in mm from that.
    """

    total: npt.NDArray[np.float32]
    patients: int
    mean: Frame
    grid: Grid

    def prior(self, without: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
        """0 to 1; ``without`` one patient's own share of the total."""
        from scipy import ndimage

        there = self.total if without is None else self.total - without
        smooth = np.asarray(ndimage.gaussian_filter(there, SIGMA_MM / STEP_MM, mode="constant"), np.float32)
        highest = float(smooth.max())
        return np.clip(smooth / np.float32(highest), 0, 1) if highest > 1e-9 else np.zeros_like(smooth)

    def share(self, frame: Frame, nodes: Nodes) -> npt.NDArray[np.float32]:
        """How much of each voxel of the atlas one patient's nodes fill."""
        index = self.grid.to_index(frame.to(self.mean, nodes.lps_mm.astype(np.float64)))
        edges = [np.arange(n + 1) - 0.5 for n in self.grid.shape]
        filled, _ = np.histogramdd(index, edges)
        stretch = float(np.prod(self.mean.reach.sum(axis=1) / frame.reach.sum(axis=1)))
        each = nodes.voxel_mm3 * stretch / self.grid.voxel_volume_mm3
        return np.minimum(filled * each, 1).astype(np.float32)

    def lay(self, anatomy: Anatomy, without: npt.NDArray[np.float32] | None = None) -> Anatomy:
        """The anatomy with the atlas's prior and the distance from the carina, mm of the mean patient, over its lungs.

        Args:
            anatomy: with carina and lungs; one without comes back with a warning and no prior.
            without: the patient's own share of the atlas, where there is one: it is taken out again.
        """
        from scipy import ndimage

        frame = frame_of(anatomy)
        if frame is None:
            told = (
                "The node atlas could not be laid: carina or lungs were not found; no place is likelier than another."
            )
            return replace(anatomy, warnings=(*anatomy.warnings, told))
        low, high = frame.carina - frame.reach[:, 0] - BEYOND_MM, frame.carina + frame.reach[:, 1] + BEYOND_MM
        shape = np.ceil((high - low) / STEP_MM).astype(int) + 1
        grid = Grid.of(tuple(shape.tolist()), (STEP_MM,) * 3, tuple(low.tolist()))
        places = frame.to(self.mean, grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
        distance = np.asarray(np.linalg.norm(places, axis=-1), np.float32)
        prior = self.prior(without)
        index = np.moveaxis(self.grid.to_index(places), -1, 0)
        laid = ndimage.map_coordinates(prior, index, order=1, mode="constant").astype(np.float32)
        return replace(
            anatomy,
            prior=Volume(np.clip(laid, 0, 1), grid, Quantity.PROBABILITY),
            distance=Volume(distance, grid, Quantity.MILLIMETRE),
        )

    def to_bytes(self) -> bytes:
        """The atlas as a file; the same atlas gives the same bytes."""
        file = io.BytesIO()
        arrays: dict[str, Any] = {
            "total": self.total.astype(np.float16),
            "patients": np.array(self.patients),
            "reach": self.mean.reach,
            "affine": self.grid.affine,
        }
        np.savez_compressed(file, **arrays)
        return file.getvalue()


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Points (n, 3) float32 in a patient's nodes, LPS mm, each of which stands for ``voxel_mm3``."""

    lps_mm: npt.NDArray[np.float32]
    voxel_mm3: float


def build_atlas(patients: Sequence[tuple[Frame, Nodes]]) -> CarinaAtlas:
    """The atlas of patients whose frame is known.

    Raises:
        BadInputError: there is none.
    """
    if not patients:
        raise BadInputError("no atlas can be built: in no scan to train on were a carina and lungs found")
    mean = Frame(np.zeros(3), np.mean([frame.reach for frame, _ in patients], axis=0))
    low, high = -mean.reach[:, 0] - BEYOND_MM, mean.reach[:, 1] + BEYOND_MM
    shape = np.ceil((high - low) / STEP_MM).astype(int) + 1
    grid = Grid.of(tuple(shape.tolist()), (STEP_MM,) * 3, tuple(low.tolist()))
    empty = CarinaAtlas(np.zeros(grid.shape, np.float32), len(patients), mean, grid)
    total = sum(empty.share(frame, nodes) for frame, nodes in patients)
    return replace(empty, total=np.asarray(total, np.float32))


def load_atlas(path: Path) -> CarinaAtlas:
    """An atlas that ``to_bytes`` wrote.

    Raises:
        BadInputError: it is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            total = file["total"].astype(np.float32)
            mean = Frame(np.zeros(3), file["reach"])
            return CarinaAtlas(total, int(file["patients"]), mean, Grid(total.shape, file["affine"]))
    except DAMAGED as error:
        raise BadInputError(f"{path} is no node atlas, or is damaged") from error
