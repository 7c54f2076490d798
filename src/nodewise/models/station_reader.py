"""The station network as a reader of anatomy: the landmarks' answer in, the same with learned stations out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.image.components import boxes, components
from nodewise.image.resample import resample
from nodewise.models.preparation import Preparation
from nodewise.models.station_checks import implausible
from nodewise.values.anatomy import LEARNED_STATIONS, Anatomy, Region
from nodewise.values.box import Box, Index3
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Station
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nodewise.learn.runtime import Runtime
    from nodewise.models.model_file import StepFile

AROUND_LUNGS_MM = ((25.0, 10.0), (25.0, 50.0))  # front and foot, back and head; station 1 reaches above the apices
MEDIASTINUM = "mediastinum"
"""The first of the step's outputs; the others are codes of stations."""
MAP_MM = 1.5
MIDDLE_MM = 192.0  # how wide the middle of the chest is looked at, whatever the network's window
PAD_MM, LEAST_MM = 10.0, 128.0  # P1's box is at least 128 voxels of 1 mm wide and deep
SMALLEST_PART = 0.1
LEVEL_MM, BASE_SHARE = 5.0, 1 / 3  # beside lung recesses narrower than this share of the widest level lies abdomen
NOT_NODES = frozenset({"airway", "descending_aorta", "spinal_canal", "blood_pool"})

Floats = npt.NDArray[np.float32]


def station_reader(
    step: StepFile,
    networks: Sequence[nn.Module],
    *,
    device: str = "cpu",
    runtime: Runtime = "auto",
    cache: Path | None = None,
) -> StationReader:
    """The reader of a model's step, with its networks on ``device``; compiled ones are kept in ``cache``.

    Raises:
        BadInputError: the step is not one of stations.
    """
    from nodewise.learn import runtime as run
    from nodewise.learn.slide import batch_on
    from nodewise.learn.two_heads import TwoHeads

    codes, known = step.outputs, {station.code: station for station in Station}
    if codes[:1] != (MEDIASTINUM,) or any(code not in known for code in codes[1:]):
        raise BadInputError(f"the step has the outputs {', '.join(codes)}: {MEDIASTINUM} and stations were wanted")
    preparation = step.preparation.build()
    if not isinstance(preparation, Preparation) or len(step.patch) != 3:
        raise BadInputError("the step of stations is not prepared as a crop in three dimensions: train it anew")
    predict = run.runtime(networks, TwoHeads(), runtime=runtime, device=device, cache=cache)
    stations = tuple(known[code] for code in codes[1:])
    batch = batch_on(device, networks[0], step.patch)
    return StationReader(predict, preparation, step.window, stations, batch=batch, device=device)


def region_of_lungs(anatomy: Anatomy) -> Region | None:
    """Both lungs with ``AROUND_LUNGS_MM``; None where one was not found (P1, section 2.4, crops to the lungs)."""
    right, left = (_organ(anatomy, name) for name in ("lung_right", "lung_left"))
    if anatomy.organs is None or right is None or left is None or not (right.any() and left.any()):
        return None
    low, high = _edges_mm(anatomy.organs.grid, Box.around(right | left))
    (front, foot), (back, head) = AROUND_LUNGS_MM
    return Region((low[0], low[1] - front, low[2] - foot), (high[0], high[1] + back, high[2] + head))


@dataclass(frozen=True, slots=True, eq=False)
class StationReader:
    """A two-headed network with all it takes to use it.

    Attributes:
        predict: probability of the mediastinum and, where it is, of each station (batch, 1 + stations, x, y, z), from
            windows (batch, channels, *patch); see ``station_reader``.
        preparation: its spacing is along the patient's axes; its margin is not used.
        patch: window in voxels. stations: those of the second head, in order.
        overlap: of neighbouring windows. threshold: probability from which a voxel is mediastinum (P1: 0.5).
        batch: windows at a time. device: of ``predict``.
    """

    predict: Callable[[Tensor], Tensor]
    preparation: Preparation
    patch: Index3
    stations: Sequence[Station]
    overlap: float = 0.25
    threshold: float = 0.5
    batch: int = 1
    device: str = "cpu"

    def __call__(self, study: Study, anatomy: Anatomy) -> Anatomy:
        """``anatomy`` with the network's stations, the mediastinum they span and the inside of the chest with both.

        A voxel's station is the likeliest of the second head where the first says mediastinum (P1); trachea, spinal
        canal and aorta, as far as they were found, have none. Where no two lungs were found or the answer cannot be
        true the landmarks' stations are kept, and a warning says so; ``stations_by_rules`` holds them either way.

        Raises:
            BadInputError: memory ran out.
        """
        from nodewise.learn.device import memory_to_predict

        with memory_to_predict(self.device):
            return self._read(study, anatomy)

    def _read(self, study: Study, anatomy: Anatomy) -> Anatomy:
        region = self._region(anatomy)
        if region is None:
            return _kept(anatomy, "no two lungs were found")
        grid = self._lattice(region, study.ct.grid)
        if grid is None:
            return _kept(anatomy, "the lungs lie outside the scan")
        answer = self._probabilities(resample(study.ct, grid).array)
        inside = Volume(np.asfortranarray(_largest_parts(answer[0] > self.threshold)), grid, Quantity.MASK)
        if not inside.array.any():
            return _kept(anatomy, "it found no mediastinum")
        stations = self._map(answer, inside, anatomy)
        why = implausible(inside, stations, anatomy)
        if why:
            return _kept(anatomy, why)
        return replace(
            anatomy,
            stations=stations,
            stations_by_rules=anatomy.stations,
            mediastinum=_padded(stations.grid),
            cavity=_with(anatomy.cavity, stations),
            stations_error_mm=0.0,
            how=LEARNED_STATIONS,
        )

    def _region(self, anatomy: Anatomy) -> Region | None:
        """Of the lungs' region, along x the middle, which holds the mediastinum and both hila, down to their base.

        Between their lowest recesses lies the abdomen, of which the network has learned nothing.
        """
        region = region_of_lungs(anatomy)
        if region is None:
            return None
        (x0, y0, _), (x1, y1, z1) = region.low_mm, region.high_mm
        z0 = _base_of_lungs(anatomy)
        half, middle = max(MIDDLE_MM, self.patch[0] * self.preparation.spacing_mm[0]) / 2, (x0 + x1) / 2
        return Region((max(x0, middle - half), y0, z0), (min(x1, middle + half), y1, z1))

    def _lattice(self, region: Region, ct: Grid) -> Grid | None:
        """The network's voxels, along the patient's axes, over the part of the region that was scanned."""
        first, last = _edges_mm(ct, Box((0, 0, 0), ct.shape))
        low, high = np.maximum(region.low_mm, first), np.minimum(region.high_mm, last)
        spacing = np.asarray(self.preparation.spacing_mm)
        shape = np.rint((high - low) / spacing).astype(int)
        if shape.min() < 1:
            return None
        origin = ((low + high) / 2 - (shape - 1) * spacing / 2).tolist()
        return Grid.of(
            (int(shape[0]), int(shape[1]), int(shape[2])),
            self.preparation.spacing_mm,
            (origin[0], origin[1], origin[2]),
        )

    def _probabilities(self, hu: Floats) -> Floats:
        """Of the mediastinum and, where it is, of each station (1 + stations, x, y, z)."""
        from nodewise.learn.slide import sliding_window

        image, classes = self.preparation.channels(hu), 1 + len(self.stations)
        return sliding_window(self.predict, image, self.patch, classes, overlap=self.overlap, batch=self.batch)

    def _map(self, answer: Floats, inside: Volume, anatomy: Anatomy) -> Volume:
        """Labels on a finer lattice over the mediastinum, the likeliest after probabilities are interpolated."""
        around = Box.around(inside.array).expanded(1).clipped(inside.grid.shape)
        coarse = inside.grid.crop(around)
        fine = coarse.resampled((MAP_MM, MAP_MM, MAP_MM))
        there = answer[0] * inside.array.astype(np.float32)
        best = np.zeros(fine.shape, np.float32, order="F")
        labels = np.zeros(fine.shape, np.uint8, order="F")
        for station, probability in zip(self.stations, answer[1:], strict=True):
            one = Volume(np.asfortranarray(probability[around.slices]), coarse, Quantity.PROBABILITY)
            likely = resample(one, fine).array
            better = likely > best
            labels[better] = station.label
            np.maximum(best, likely, out=best)
        here = Volume(np.asfortranarray(there[around.slices]), coarse, Quantity.PROBABILITY)
        labels[resample(here, fine).array <= self.threshold] = 0
        for name in sorted(NOT_NODES):
            organ = _organ(anatomy, name)
            if organ is not None and anatomy.organs is not None:
                labels[resample(Volume(organ, anatomy.organs.grid, Quantity.MASK), fine).array] = 0
        return Volume(labels, fine, Quantity.LABEL)


def _base_of_lungs(anatomy: Anatomy) -> float:
    """Height in mm of the lowest level at which both lungs together hold ``BASE_SHARE`` of what their widest holds."""
    right, left = (_organ(anatomy, name) for name in ("lung_right", "lung_left"))
    assert anatomy.organs is not None and right is not None and left is not None
    height = anatomy.organs.grid.to_lps(np.argwhere(right | left))[:, 2]
    level = np.floor((height - height.min()) / LEVEL_MM).astype(int)
    held = np.bincount(level)
    return float(height.min() + LEVEL_MM * np.argmax(held >= BASE_SHARE * held.max()))


def _organ(anatomy: Anatomy, name: str) -> npt.NDArray[np.bool_] | None:
    """The mask of an organ on the organs' grid; None where the anatomy does not know it."""
    numbers = [number for number, known in anatomy.organ_names.items() if known == name]
    if anatomy.organs is None or not numbers:
        return None
    return np.asarray(anatomy.organs.array == numbers[0])


def _largest_parts(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without parts smaller than a tenth of the largest."""
    labels, n = components(mask)
    if n < 2:
        return mask
    sizes = {label: voxels for label, (_, voxels) in boxes(labels).items()}
    least = SMALLEST_PART * max(sizes.values())
    return np.isin(labels, [label for label, voxels in sizes.items() if voxels >= least])


def _edges_mm(grid: Grid, box: Box) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The smallest box along the patient's axes that holds a box of voxels, to their edges."""
    corners = np.where(np.indices((2, 2, 2)).reshape(3, 8).T == 0, box.start, box.stop) - 0.5
    lps = grid.to_lps(corners)
    return lps.min(axis=0), lps.max(axis=0)


def _padded(grid: Grid) -> Region:
    """All of a grid with ``PAD_MM``, at least ``LEAST_MM`` wide and deep (P1, section 2.4)."""
    low, high = _edges_mm(grid, Box((0, 0, 0), grid.shape))
    low, high = low - PAD_MM, high + PAD_MM
    lacking = np.maximum((LEAST_MM, LEAST_MM, 0.0) - (high - low), 0) / 2
    return Region(_point(low - lacking), _point(high + lacking))


def _point(lps: npt.NDArray[np.float64]) -> Point:
    x, y, z = lps.tolist()
    return (x, y, z)


def _with(cavity: Volume | None, stations: Volume) -> Volume | None:
    """The inside of the chest with all of the stations."""
    if cavity is None:
        return None
    either = cavity.array | (resample(stations, cavity.grid).array > 0)
    return cavity.with_array(np.asfortranarray(either), Quantity.MASK)


def _kept(anatomy: Anatomy, why: str) -> Anatomy:
    instead = "are unknown" if anatomy.stations is None else "are laid out from landmarks"
    warning = f"The station network's answer was not used ({why}): stations {instead}."
    return replace(anatomy, stations_by_rules=anatomy.stations, warnings=(*anatomy.warnings, warning))
