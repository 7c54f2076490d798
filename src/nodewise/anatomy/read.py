"""Read the anatomy of a chest CT with nothing but its grey values, or with what someone already knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from nodewise.anatomy.blood import ENHANCED_HU, blood_pool
from nodewise.anatomy.body import body_mask, cut_inside
from nodewise.anatomy.cavity import chest_cavity
from nodewise.anatomy.chest import Chest, read_chest
from nodewise.anatomy.from_organs import Laid, stations_from_organs, with_lungs
from nodewise.anatomy.landmarks import landmarks
from nodewise.anatomy.moved import corrected, moved, with_points
from nodewise.anatomy.organ_masks import LUNG_LEFT, LUNG_RIGHT, Organs
from nodewise.anatomy.organs import OrganMap, organs_on
from nodewise.anatomy.region import mediastinum
from nodewise.anatomy.spine import Canal
from nodewise.anatomy.stations import station_map
from nodewise.anatomy.warn import chest_warnings, unseen
from nodewise.anatomy.working import SPACING_MM, Mask, paint_disk, working_grid
from nodewise.image.resample import resample
from nodewise.values.anatomy import ORGAN_STATIONS, Anatomy, Region
from nodewise.values.box import Box
from nodewise.values.grid import Grid, Point
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

ORGANS = MappingProxyType(
    {
        1: "body",
        2: "lung_right",
        3: "lung_left",
        4: "airway",
        5: "spinal_canal",
        6: "descending_aorta",
        7: "blood_pool",
    }
)
GIVEN_FROM = 10  # a given organ's number in ``Anatomy.organs`` is its own and so much more
HOW = "landmarks"
SLAB = 48
STATIONS_ERROR_MM = 12.0  # of 127 nodes found in drawn chests 2 % lay farther than this and 3 mm from an earlier map


def read_anatomy(
    study: Study, organs: OrganMap | None = None, points: Mapping[str, Point] = MappingProxyType({})
) -> Anatomy:
    """Landmarks, organs, the mediastinum's box and a coarse station map of a CT, by classical image processing.

    Nothing is learned and no weights are needed. Works on a 1.5 mm lattice along the patient's axes. What cannot be
    found is said to be not found, with the reason in ``warnings``; without a carina there is no station map.

    Args:
        study: its CT is read.
        organs: a map of this CT's organs, from which stations are laid out where it has what they need.
        points: landmarks corrected by someone, LPS mm; what hangs on them follows.

    Raises:
        BadInputError: the organs are of another scan, no landmark has such a name, or a point lies outside the scan.
    """
    return read_working(_on_lattice(study.ct), organs, points)


def _on_lattice(ct: Volume) -> Volume:
    """The CT resampled slab by slab, so that no blurred copy of the whole scan is ever held."""
    grid = working_grid(ct.grid)
    hu = np.empty(grid.shape, np.float32, order="F")
    for k in range(0, grid.shape[2], SLAB):
        slab = Box((0, 0, k), (grid.shape[0], grid.shape[1], min(k + SLAB, grid.shape[2])))
        hu[slab.slices] = resample(ct, grid.crop(slab)).array
    return Volume(hu, grid, Quantity.HU)


def read_working(
    ct: Volume, organs: OrganMap | None = None, points: Mapping[str, Point] = MappingProxyType({})
) -> Anatomy:
    """The same, of a CT that already lies on an isotropic lattice along the patient's axes."""
    body = body_mask(ct.array, SPACING_MM)
    if not body.any():
        body = np.ones(ct.array.shape, bool)
    box = Box.around(body)
    grid = ct.grid.crop(box)
    chest = read_chest(np.asfortranarray(ct.array[box.slices]), body[box.slices], SPACING_MM)
    changed = corrected(landmarks(chest, grid), points, ct.grid)
    chest = moved(chest, changed, grid) if changed else chest
    given = None if organs is None else organs_on(organs, ct, grid)
    chest = chest if given is None else with_lungs(chest, given)
    region, region_warnings = mediastinum(chest, grid)
    blood = _blood(chest, grid)
    laid = "" if given is None else stations_from_organs(given, chest, changed, blood)
    stations = laid.stations if isinstance(laid, Laid) else _by_planes(chest, grid, region, blood)
    cut = cut_inside(ct.array)
    return Anatomy(
        landmarks=with_points(landmarks(chest, grid), changed),
        mediastinum=region,
        how=ORGAN_STATIONS if isinstance(laid, Laid) else HOW,
        organs=_with_given(_organs(chest, grid, blood), given),
        organ_names=ORGANS
        if given is None
        else {**ORGANS, **{GIVEN_FROM + n: name for name, n in given.numbers.items()}},
        stations=stations,
        stations_error_mm=STATIONS_ERROR_MM,
        approximate=laid.approximate if isinstance(laid, Laid) else (),
        cavity=_cavity(chest, grid, stations),
        warnings=(*chest_warnings(chest, cut), *region_warnings, *_organ_warnings(organs, laid)),
        unseen=unseen(chest, cut),
    )


def _by_planes(chest: Chest, grid: Grid, region: Region, blood: Mask) -> Volume | None:
    if chest.carina is None or chest.canal is None:
        return None
    # edges of voxels, which rounding would otherwise move into the next
    part = grid.box_around(np.array(region.low_mm) + 0.01, np.array(region.high_mm) - 0.01)
    labels = station_map(chest, chest.carina, part)
    labels[blood[part.slices]] = 0
    return Volume(labels, grid.crop(part), Quantity.LABEL)


def _organ_warnings(organs: OrganMap | None, laid: Laid | str) -> tuple[str, ...]:
    if organs is None:
        return ()
    why = (f"Stations are laid out from landmarks: {laid}.",) if isinstance(laid, str) else ()
    return (*organs.warnings, *why)


def _with_given(organs: Volume, given: Organs | None) -> Volume:
    """What was found, and over it what was given, all but the lungs, which are the same in both."""
    if given is None:
        return organs
    lungs = [number for name, number in given.numbers.items() if name in (*LUNG_RIGHT, *LUNG_LEFT)]
    labels = organs.array.astype(np.uint16)
    drawn = np.where(np.isin(given.labels.array, lungs), 0, given.labels.array).astype(np.uint16)
    labels[drawn > 0] = GIVEN_FROM + drawn[drawn > 0]
    return Volume(labels, organs.grid, Quantity.LABEL)


def _cavity(chest: Chest, grid: Grid, stations: Volume | None) -> Volume | None:
    """Only with both lungs: the hull of one leaves out half the chest."""
    if not (chest.lungs.right.any() and chest.lungs.left.any()):
        return None
    return chest_cavity(Volume(chest.lungs.right | chest.lungs.left, grid, Quantity.MASK), stations)


def _blood(chest: Chest, grid: Grid) -> Mask:
    """The enhanced blood between the lungs; nothing where there is none, or no rib cage to look in."""
    blood = np.zeros(grid.shape, bool)
    cavity = _cavity(chest, grid, None)
    if cavity is None or chest.canal is None or chest.blood_hu is None or chest.blood_hu < ENHANCED_HU:
        return blood
    inside = np.asarray(resample(cavity, grid).array)
    box = Box.around(inside)
    canal = Canal(
        chest.canal.centres[box.start[2] : box.stop[2]] - box.start[:2], chest.canal.score[box.start[2] : box.stop[2]]
    )
    blood[box.slices] = blood_pool(chest.hu[box.slices], inside[box.slices], canal, chest.spacing_mm)
    return blood


def _organs(chest: Chest, grid: Grid, blood: Mask) -> Volume:
    labels = np.zeros(grid.shape, np.uint8, order="F")
    labels[chest.body] = 1
    labels[chest.lungs.right] = 2
    labels[chest.lungs.left] = 3
    labels[chest.airway] = 4
    if chest.canal is not None:
        for k, centre in enumerate(chest.canal.centres):
            paint_disk(labels, centre, 7.5 / chest.spacing_mm, k, 5)
    if chest.aorta is not None:
        for k, centre, radius in zip(chest.aorta.slices, chest.aorta.centres, chest.aorta.radii, strict=True):
            paint_disk(labels, centre, radius, k, 6)
    labels[blood & (labels == 1)] = 7
    return Volume(labels, grid, Quantity.LABEL)
