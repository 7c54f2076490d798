"""Read the anatomy of a chest CT with nothing but its grey values."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from nodewise.anatomy.blood import ENHANCED_HU, blood_pool
from nodewise.anatomy.body import body_mask, cut_inside
from nodewise.anatomy.cavity import chest_cavity
from nodewise.anatomy.chest import Chest, read_chest
from nodewise.anatomy.landmarks import landmarks
from nodewise.anatomy.region import mediastinum
from nodewise.anatomy.spine import Canal
from nodewise.anatomy.stations import station_map
from nodewise.anatomy.warn import chest_warnings, unseen
from nodewise.anatomy.working import SPACING_MM, Mask, paint_disk, working_grid
from nodewise.image.resample import resample
from nodewise.values.anatomy import Anatomy
from nodewise.values.box import Box
from nodewise.values.grid import Grid
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
HOW = "landmarks"
SLAB = 48
STATIONS_ERROR_MM = 12.0  # of 127 nodes found in drawn chests 2 % lie farther from it than this and 3 mm


def read_anatomy(study: Study) -> Anatomy:
    """Landmarks, organs, the mediastinum's box and a coarse station map of a CT, by classical image processing.

    Nothing is learned and no weights are needed. Works on a 1.5 mm lattice along the patient's axes. What cannot be
    found is said to be not found, with the reason in ``warnings``; without a carina there is no station map.
    """
    return read_working(_on_lattice(study.ct))


def _on_lattice(ct: Volume) -> Volume:
    """The CT resampled slab by slab, so that no blurred copy of the whole scan is ever held."""
    grid = working_grid(ct.grid)
    hu = np.empty(grid.shape, np.float32, order="F")
    for k in range(0, grid.shape[2], SLAB):
        slab = Box((0, 0, k), (grid.shape[0], grid.shape[1], min(k + SLAB, grid.shape[2])))
        hu[slab.slices] = resample(ct, grid.crop(slab)).array
    return Volume(hu, grid, Quantity.HU)


def read_working(ct: Volume) -> Anatomy:
    """The same, of a CT that already lies on an isotropic lattice along the patient's axes."""
    body = body_mask(ct.array, SPACING_MM)
    if not body.any():
        body = np.ones(ct.array.shape, bool)
    box = Box.around(body)
    grid = ct.grid.crop(box)
    chest = read_chest(np.asfortranarray(ct.array[box.slices]), body[box.slices], SPACING_MM)
    region, region_warnings = mediastinum(chest, grid)
    stations, blood = None, _blood(chest, grid)
    if chest.carina is not None and chest.canal is not None:
        # edges of voxels, which rounding would otherwise move into the next
        part = grid.box_around(np.array(region.low_mm) + 0.01, np.array(region.high_mm) - 0.01)
        labels = station_map(chest, chest.carina, part)
        labels[blood[part.slices]] = 0
        stations = Volume(labels, grid.crop(part), Quantity.LABEL)
    cut = cut_inside(ct.array)
    return Anatomy(
        landmarks=landmarks(chest, grid),
        mediastinum=region,
        how=HOW,
        organs=_organs(chest, grid, blood),
        organ_names=ORGANS,
        stations=stations,
        stations_error_mm=STATIONS_ERROR_MM,
        cavity=_cavity(chest, grid, stations),
        warnings=(*chest_warnings(chest, cut), *region_warnings),
        unseen=unseen(chest, cut),
    )


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
