"""The patient without the couch."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.anatomy.working import Array, Mask, block_mean, closed, dilated, enlarged, opened
from nodewise.image.components import largest

FACTOR = 3
AIR_HU = -350.0
ROOM_AIR_HU = -950.0


def body_mask(hu: Array, spacing_mm: float) -> Mask:
    """Everything inside the skin, lungs and bowel gas included; ``hu`` is isotropic with LPS axes.

    The holes are filled before the couch is opened away: the other order breaks the thin wall of the chest.
    """
    step = FACTOR * spacing_mm
    coarse = block_mean(hu, FACTOR)
    if cut_inside(coarse):
        return enlarged(~dilated(_room(opened(coarse < ROOM_AIR_HU, 6.0 / step)), 1.5), FACTOR, hu.shape)
    thick = coarse > AIR_HU
    solid = closed(largest(opened(thick, 4.0 / step)), 12.0 / step)
    for k in range(solid.shape[2]):
        solid[:, :, k] = ndimage.binary_fill_holes(solid[:, :, k])
    solid = largest(opened(solid, 20.0 / step))
    inner = enlarged(~dilated(~solid, 1.8), FACTOR, hu.shape)
    outer = enlarged(dilated(solid, 1.8), FACTOR, hu.shape)
    return np.asarray(inner | (outer & (hu > AIR_HU)))


def _room(dark: Mask) -> Mask:
    """Dark parts that reach the scan's sides."""
    labels, n = ndimage.label(dark)
    sides = np.concatenate([face.ravel() for face in (labels[0], labels[-1], labels[:, 0], labels[:, -1])])
    at_side = np.zeros(n + 1, bool)
    at_side[sides] = True
    at_side[0] = False
    return np.asarray(at_side[labels])


def cut_inside(hu: Array) -> bool:
    """Whether the scan's sides lie inside the patient: nearly nothing on them is as dark as the air of a room."""
    sides = np.concatenate([face.ravel() for face in (hu[0], hu[-1], hu[:, 0], hu[:, -1])])
    return bool(np.mean(sides > ROOM_AIR_HU) > 0.9)
