"""From each patient's nodes to the probability of a node: warped, averaged, smoothed, scaled (P3, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.registration.warp import Warp, carry
from nodewise.values.atlas import Atlas, CaseNodes
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

SIGMA_MM = 5.0
FULL = 255
LEAST_VOTES = 0.3
"""A voxel belongs to a station where at least this share of the cases say that it lies in one."""


def case_nodes(name: str, patient: str, nodes: Volume, warp: Warp, grid: Grid) -> CaseNodes:
    """A scan's nodes in the reference.

    Args:
        name: of the scan in its data set.
        patient: whose scan it is.
        nodes: LABEL or MASK on the scan's grid, above 0 where a node lies.
        warp: between the scan and the reference.
        grid: the atlas's.
    """
    filled = Volume(np.asfortranarray(nodes.array > 0, np.float32), nodes.grid, Quantity.PROBABILITY)
    share = np.rint(carry(filled, warp, grid, "reference").array * FULL).astype(np.uint8).ravel()
    voxels = np.flatnonzero(share)
    return CaseNodes(name, patient, voxels.astype(np.int32), share[voxels], warp.method, warp.folding)


def mean_of(cases: Sequence[CaseNodes], grid: Grid) -> npt.NDArray[np.float32]:
    """How often a node lies in each voxel, 0 to 1, not smoothed."""
    total = np.zeros(int(np.prod(grid.shape)), np.float32)
    for case in cases:
        total[case.voxels] += case.share.astype(np.float32) / FULL
    return np.asarray((total / len(cases)).reshape(grid.shape), np.float32)


def prior_of(cases: Sequence[CaseNodes], grid: Grid) -> Volume:
    """The mean, smoothed by a Gaussian of 5 mm and divided by its largest value; 0 everywhere without a node."""
    sigma = [SIGMA_MM / s for s in grid.spacing]
    smooth = ndimage.gaussian_filter(mean_of(cases, grid), sigma, mode="constant")
    largest = float(smooth.max())
    return Volume(smooth / largest if largest > 0 else smooth, grid, Quantity.PROBABILITY)


def without(atlas: Atlas, patient: str) -> Atlas:
    """The atlas without one patient's own nodes, so that they are not in the prior that a network learns them with.

    Raises:
        BadInputError: nobody else is left.
    """
    kept = tuple(case for case in atlas.cases if case.patient != patient)
    if not kept:
        raise BadInputError(f"the atlas holds the nodes of {patient} alone: without them nothing is left")
    if len(kept) == len(atlas.cases):
        return atlas
    return replace(atlas, cases=kept, prior=prior_of(kept, atlas.prior.grid))


class StationVotes:
    """Which station each voxel of the atlas lies in, by the maps of many patients."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._count = 0
        self._votes = np.zeros((len(Station), *grid.shape), np.uint16)

    def add(self, stations: Volume) -> None:
        """Count a patient's map (LABEL of ``Station.label``) that was carried onto the atlas's grid."""
        labels = stations.array
        for label in np.unique(labels[labels > 0]).tolist():
            self._votes[label] += labels == label
        self._count += 1

    def result(self) -> Volume:
        """The commonest station where at least three in ten patients name one, else 0."""
        named = self._votes[1:]
        enough = named.sum(axis=0) >= max(1.0, LEAST_VOTES * self._count)
        labels = np.where(enough, 1 + named.argmax(axis=0), 0).astype(np.uint8)
        return Volume(np.asfortranarray(labels), self._grid, Quantity.LABEL)
