"""An atlas laid over a patient: where nodes are likely, and how far everything is from the carina."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nodewise.anatomy.registration.frame import frame_of
from nodewise.anatomy.registration.landmarks import register_frames
from nodewise.anatomy.registration.organs import EFFORT, Labelled, common_structures, register_organs
from nodewise.anatomy.registration.variational import Effort
from nodewise.anatomy.registration.warp import Warp, carry, points_of
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.atlas import Atlas
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

SPACING_MM = 3.0
MARGIN_MM = 12.0
NOTHING = "No carina was found and no organs were given: the atlas of nodes could not be laid over the scan."
LANDMARKS = "The atlas of nodes was laid over the scan by landmarks alone: it is placed less surely than by organs."


def lay(anatomy: Anatomy, atlas: Atlas, effort: Effort = EFFORT) -> Warp | None:
    """The best map between patient and atlas that the anatomy allows: by organs, by landmarks, or None."""
    if anatomy.organs is not None:
        patient = Labelled(anatomy.organs, anatomy.organ_names)
        reference = Labelled(atlas.organs, atlas.organ_names)
        if common_structures(patient, reference):
            return register_organs(patient, reference, effort)
    frame = frame_of(anatomy)
    return None if frame is None else register_frames(frame, atlas.frame)


def node_prior(anatomy: Anatomy, atlas: Atlas, effort: Effort = EFFORT, region: Region | None = None) -> Anatomy:
    """The anatomy with ``prior`` and ``distance`` of the atlas, on a grid of 3 mm around ``region`` or the mediastinum.

    Both run from 0 to 1: ``prior`` is the atlas's, scaled there; ``distance`` is measured from the carina in the
    reference and divided by the atlas's ``farthest_mm``, at most 1 (P3). A warning says where landmarks alone had
    to do; without organs or a carina both stay None, with a warning.
    """
    warp = lay(anatomy, atlas, effort)
    if warp is None:
        return replace(anatomy, warnings=(*anatomy.warnings, NOTHING))
    grid = prior_grid(region or anatomy.mediastinum)
    said = (LANDMARKS,) if warp.method == "landmarks" else ()
    if warp.folding > 0:
        said = (*said, f"The atlas folds in {warp.folding:.2%} of the voxels where it was laid over the scan.")
    return replace(
        anatomy,
        prior=carry(atlas.prior, warp, grid, "patient"),
        distance=distance(atlas, warp, grid),
        warnings=(*anatomy.warnings, *said),
    )


def distance(atlas: Atlas, warp: Warp, grid: Grid) -> Volume:
    """Distance from the carina in the reference of each voxel of a patient's grid, 0 to 1."""
    away = np.linalg.norm(warp.to_reference(points_of(grid)) - atlas.carina, axis=-1) / atlas.farthest_mm
    return Volume(np.minimum(away, 1).astype(np.float32), grid, Quantity.PROBABILITY)


def prior_grid(region: Region, spacing_mm: float = SPACING_MM) -> Grid:
    """A lattice along the patient's axes around a region, 12 mm more on every side."""
    low = np.asarray(region.low_mm) - MARGIN_MM
    high = np.asarray(region.high_mm) + MARGIN_MM
    shape = np.maximum(1, np.ceil((high - low) / spacing_mm)).astype(int).tolist()
    x, y, z = (low + spacing_mm / 2).tolist()
    return Grid.of((shape[0], shape[1], shape[2]), (spacing_mm,) * 3, (x, y, z))
