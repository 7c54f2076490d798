"""From a CT and its anatomy to what P3's network sees: the lungs' box, CT, and maps beside it; and the answer back.

Engelson, Ehrhardt et al., MELBA 2024, section 3.1; CT is normalised as by nnU-Net (Isensee et al., Nat Methods 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.models.nnunet_preparation import Intensity
from nodewise.models.preparation import Preparation, Prepared
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume

Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[np.int16]
Channels = Literal["ct", "labels", "prior"]

STRUCTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("airway", ("airway", "trachea", "bronch")),
    ("aorta", ("aorta",)),
    ("heart", ("heart", "atrium", "ventricle", "myocardium", "blood_pool")),
    ("oesophagus", ("oesophagus", "esophagus")),
    ("bones", ("vertebra", "rib_", "scapula", "clavic", "sternum", "spin", "bone")),
    ("lungs", ("lung",)),
)
"""The structures that P3 takes from TotalSegmentator, and the words by which organs of each are known."""
FARTHEST_MM = 273.7  # P3's program divides distances by this: the largest in its atlas
SCALE = 1000.0  # of all but HU, as kept on disk


@dataclass(frozen=True, slots=True)
class PriorPreparation:
    """Crop to the lungs, resample, normalise, and put maps beside the CT.

    Attributes:
        spacing_mm: of the network's voxels along the CT's array axes; see ``Preparation``.
        intensity: of the nodes that were trained on: the CT is cut off at the percentiles, less the mean, over the std.
        channels: ``ct`` alone; with ``labels``, one mask for each of ``STRUCTURES``; with ``prior``, the distance from
            the carina (0 to 1) and the probability of a node.
        margin_mm: around the lungs; P3 has none.
    """

    spacing_mm: Point
    intensity: Intensity
    channels: Channels = "prior"
    margin_mm: float = 10.0

    @property
    def count(self) -> int:
        """Channels of the network's input."""
        return {"ct": 1, "labels": 1 + len(STRUCTURES), "prior": 3}[self.channels]

    @property
    def words(self) -> str:
        """In one line, for people and for the identity of a run."""
        voxels, i = " × ".join(f"{mm:g}" for mm in self.spacing_mm), self.intensity
        beside = {"ct": "", "labels": ", anatomy labels", "prior": ", distance and node prior"}[self.channels]
        return (
            f"voxels of {voxels} mm, HU {i.percentile_00_5:g} to {i.percentile_99_5:g} by {i.mean:g} ± {i.std:g}, "
            f"{self.margin_mm:g} mm around the lungs{beside}"
        )

    def __call__(self, ct: Volume, anatomy: Anatomy) -> Prepared:
        """The lungs' box of ``ct``, as the network sees it.

        Raises:
            BadInputError: the network sees anatomy labels, and there are no organs.
        """
        native, grid = self.grids(ct.grid, anatomy)
        return Prepared(self.shown(self.stored(ct, anatomy, native, grid).astype(np.float32)), grid, native)

    def grids(self, ct: Grid, anatomy: Anatomy) -> tuple[Grid, Grid]:
        """The crop of the CT's voxels about the lungs, and the network's voxels over it."""
        return self._crop.grids(ct, lung_region(anatomy))

    def stored(self, ct: Volume, anatomy: Anatomy, native: Grid, grid: Grid) -> Stored:
        """HU, and each map times ``SCALE``, on the network's voxels (channels, x, y, z).

        Raises:
            BadInputError: the network sees anatomy labels, and there are no organs.
        """
        hu = self._crop.resampled(ct, native, grid)
        maps = [SCALE * one for one in self._maps(anatomy, grid)]
        return np.stack([np.clip(np.rint(a), -32768, 32767).astype(np.int16) for a in (hu, *maps)])

    def shown(self, stored: Floats) -> Floats:
        """What was stored, of any spatial shape, as the network sees it (channels, x, y, z)."""
        out = np.divide(stored, np.float32(SCALE), dtype=np.float32)
        i = self.intensity
        np.clip(stored[0], i.percentile_00_5, i.percentile_99_5, out=out[0])
        out[0] -= np.float32(i.mean)
        out[0] /= np.float32(max(i.std, 1e-8))
        return out

    def restore(self, probability: Floats, prepared: Prepared) -> Volume:
        """Probability (x, y, z) on the network's voxels to the CT's own, over the crop that was prepared."""
        return self._crop.restore(probability, prepared)

    @property
    def _crop(self) -> Preparation:
        window = (self.intensity.percentile_00_5, self.intensity.percentile_99_5)
        return Preparation(self.spacing_mm, (window,), self.margin_mm)

    def _maps(self, anatomy: Anatomy, grid: Grid) -> list[Floats]:
        if self.channels == "labels":
            return structures(anatomy, grid)
        if self.channels == "prior":
            return [distance_on(anatomy, grid), prior_on(anatomy, grid)]
        return []


def lungs(anatomy: Anatomy) -> Volume | None:
    """MASK of all that is named lung; None where there is none."""
    if anatomy.organs is None:
        return None
    labels = [n for n, name in anatomy.organ_names.items() if "lung" in name]
    inside = np.isin(anatomy.organs.array, labels)
    return Volume(inside, anatomy.organs.grid, Quantity.MASK) if inside.any() else None


def lung_region(anatomy: Anatomy) -> Region:
    """The box of the lungs along the patient's axes (P3); where none were found, that in which to look for nodes."""
    there = lungs(anatomy)
    if there is None:
        return anatomy.mediastinum
    box = Box.around(there.array)
    edges = np.array([box.start, box.stop], dtype=np.float64)
    corners = np.array([[edges[a, 0], edges[b, 1], edges[c, 2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    points = there.grid.to_lps(corners - 0.5)
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def structures(anatomy: Anatomy, grid: Grid) -> list[Floats]:
    """Share of each of ``STRUCTURES`` in each voxel of ``grid``; 0 throughout for those that are not there.

    Raises:
        BadInputError: the anatomy has no organs at all.
    """
    if anatomy.organs is None:
        raise BadInputError("the network sees anatomy labels, and no organs were found in this scan")
    maps = []
    for _, words in STRUCTURES:
        labels = [n for n, name in anatomy.organ_names.items() if any(word in name for word in words)]
        inside = np.isin(anatomy.organs.array, labels).astype(np.float32)
        maps.append(resample(Volume(inside, anatomy.organs.grid, Quantity.PROBABILITY), grid).array)
    return maps


def distance_on(anatomy: Anatomy, grid: Grid) -> Floats:
    """Distance from the carina, 0 to 1, on ``grid``; 1 where nothing is known."""
    if anatomy.distance is None:
        return np.ones(grid.shape, np.float32)
    known = anatomy.distance
    if known.quantity is Quantity.MILLIMETRE:
        known = known.with_array(np.minimum(known.array / np.float32(FARTHEST_MM), 1), Quantity.PROBABILITY)
    return np.asarray(resample(known, grid, fill=1.0).array)


def prior_on(anatomy: Anatomy, grid: Grid) -> Floats:
    """Probability of a node, 0 to 1, on ``grid``; 0 where nothing is known."""
    if anatomy.prior is None:
        return np.zeros(grid.shape, np.float32)
    return np.asarray(np.clip(resample(anatomy.prior, grid).array, 0, 1))
