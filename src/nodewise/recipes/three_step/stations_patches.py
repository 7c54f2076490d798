"""Patches of drawn chests for the station network: appearance and pose drawn anew at every visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.recipes.three_step.chest_bank import AROUND_LUNGS_MM, DrawnChest
from nodewise.values.box import Box, Index3
from nodewise.values.grid import Point
from nodewise.values.station import Station, sided_swap

if TYPE_CHECKING:
    from torch import Tensor

OUTSIDE, OTHER, IGNORE = 0, 254, 255
"""Classes of a patch beside those of the stations, which count from 1: no station, a station that is not trained."""

Hu = npt.NDArray[np.float32]
Classes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pose:
    """How far a patient is moved and changed at a visit; what is 0 is switched off.

    Attributes:
        shift_mm: largest, along x, y, z, from the middle of the lungs. turn_deg: largest, about x, y, z.
        scale: smallest and largest. stretch: of one axis against the others.
        mirror: how often left and right are exchanged, with the sides in the stations' names, see ``mirrored``.
        cut: how often the scan ends within the lungs, above, below or both. cut_mm: at most so much is lost.
    """

    shift_mm: Point = (20.0, 15.0, 30.0)
    turn_deg: Point = (8.0, 6.0, 12.0)
    scale: tuple[float, float] = (0.8, 1.25)
    stretch: float = 0.08
    mirror: float = 0.0
    cut: float = 0.2
    cut_mm: float = 90.0


@dataclass(frozen=True, slots=True, eq=False)
class StationPatches:
    """Draws patches from drawn chests.

    Attributes:
        stations: those told apart, in the order of their classes, which count from 1.
        patch: in voxels of ``spacing_mm``, along x, y, z.
    """

    chests: Sequence[DrawnChest]
    stations: tuple[Station, ...]
    patch: Index3
    spacing_mm: float
    pose: Pose = Pose()
    classes: npt.NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", class_table(self.stations))

    def draw(self, rng: np.random.Generator) -> tuple[Hu, Classes]:
        """HU and classes of one patch, (x, y, z); the same generator draws the same patch."""
        from nodewise.phantom.scan.protocol import draw_protocol
        from nodewise.phantom.scan.scanner import layers_of, redraw
        from nodewise.phantom.scan.tissue import draw_appearance

        chest = self.chests[int(rng.integers(len(self.chests)))]
        seen = _cut(chest.geometry.grid.shape, chest.geometry.grid.spacing[2], self.pose, rng)
        geometry, stations = chest.geometry.crop(seen), chest.stations[seen.slices]
        matrix, moved = _draw_pose(self.pose, rng)
        protocol = draw_protocol(rng)
        protocol = replace(protocol, attenuation=0.0, noise_hu=min(protocol.noise_hu, 40.0))
        hu = redraw(layers_of(geometry), geometry.grid.spacing, draw_appearance(rng), protocol, rng)
        classes = self.classes[stations]
        if np.linalg.det(matrix) < 0:
            classes = mirrored(self.stations)[classes]
        # shifts count from the middle of the lungs, matrices from the middle of the part that is seen
        middle = moved + _middle_of_lungs_mm(chest.geometry.grid.shape, chest.geometry.grid.spacing, seen)
        theta = _theta(matrix, middle, self.patch, self.spacing_mm, geometry.grid.shape, geometry.grid.spacing)
        return _sampled(hu, classes.T, theta, self.patch)


def class_table(stations: Sequence[Station]) -> npt.NDArray[np.uint8]:
    """Class of each ``Station.label``: 1 and on for ``stations`` in their order, ``OTHER`` for the rest.

    A station of the midline that is drawn with a side, 7R, counts as 7 where it is not trained itself.
    """
    table = np.full(256, OTHER, np.uint8)
    table[0] = OUTSIDE
    numbers = {station.code: number for number, station in enumerate(stations, 1)}
    for station in Station:
        if station.label:
            table[station.label] = numbers.get(station.code, numbers.get(station.zone, OTHER))
    return table


def mirrored(stations: Sequence[Station]) -> npt.NDArray[np.uint8]:
    """Class of each class in a mirrored patient: ``sided_swap``, so that 5 and 6 are ``IGNORE``; ``OTHER`` stays."""
    table = sided_swap((Station.UNKNOWN, *stations), ignore=IGNORE)
    table[OTHER] = OTHER
    return table


def _cut(shape: Index3, step_mm: float, pose: Pose, rng: np.random.Generator) -> Box:
    """The part of a chest that a scan shows: all of it, or with its lower or upper end lost."""
    lost = [0, 0]
    for end in (0, 1):
        if rng.random() < pose.cut / 2:
            lost[end] = min(int(rng.uniform(0, pose.cut_mm) / step_mm), shape[2] // 3)
    return Box((0, 0, lost[0]), (shape[0], shape[1], shape[2] - lost[1]))


def _draw_pose(pose: Pose, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """From the patch's millimetres to the patient's: a matrix, and a shift in mm."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", rng.uniform(-1, 1, 3) * pose.turn_deg, degrees=True).as_matrix()
    scale = np.exp(rng.uniform(*np.log(pose.scale)) + rng.uniform(-1, 1, 3) * np.log1p(pose.stretch))
    side = -1.0 if rng.random() < pose.mirror else 1.0
    return turn @ np.diag(scale) @ np.diag([side, 1.0, 1.0]), rng.uniform(-1, 1, 3) * pose.shift_mm


def _middle_of_lungs_mm(shape: Index3, spacing: Point, seen: Box) -> npt.NDArray[np.float64]:
    """From the middle of what is seen, in mm; the chest was cut about its lungs with uneven margins."""
    low, high = np.asarray(AROUND_LUNGS_MM)
    lungs = (np.asarray(shape) * spacing + low - high) / 2
    middle = (np.asarray(seen.start) + seen.stop) * spacing / 2
    return np.asarray(lungs - middle)


def _theta(
    matrix: npt.NDArray[np.float64],
    middle_mm: npt.NDArray[np.float64],
    patch: Index3,
    patch_mm: float,
    shape: Index3,
    spacing: Point,
) -> Tensor:
    """The same in torch's terms, where both patch and image reach from −1 to 1 along each axis."""
    import torch

    reach = np.asarray(shape) * spacing / 2
    theta = np.column_stack([matrix * np.asarray(patch) * patch_mm / 2, middle_mm]) / reach[:, None]
    return torch.from_numpy(theta.astype(np.float32))[None]


def _sampled(hu: Hu, classes: Classes, theta: Tensor, patch: Index3) -> tuple[Hu, Classes]:
    """Image and classes (z, y, x) at the patch's voxels (x, y, z); beyond the image its edge, and nothing is known."""
    import torch
    from torch.nn import functional

    at = functional.affine_grid(theta, [1, 1, *patch[::-1]], align_corners=False)
    image = torch.from_numpy(np.ascontiguousarray(hu, dtype=np.float32))[None, None]
    image = functional.grid_sample(image, at, padding_mode="border", align_corners=False)
    # one is added so that what lies outside, which is given 0, can be told from no station
    known = torch.from_numpy(classes.astype(np.float32) + 1)[None, None]
    known = functional.grid_sample(known, at, mode="nearest", padding_mode="zeros", align_corners=False)
    named = known[0, 0].numpy().astype(np.int16) - 1
    named[named < 0] = IGNORE
    return image[0, 0].numpy().T, named.astype(np.uint8).T
