"""How one patient is scanned and stored: voxels, slices, field of view, kernel, orientation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nodewise.phantom.body import BodyRegion
from nodewise.phantom.scan.protocol import Protocol, draw_protocol
from nodewise.phantom.scan.stored import Storage, draw_storage
from nodewise.values.grid import Point

_FIELD_MM = {BodyRegion.CHEST: 400.0, BodyRegion.NECK: 250.0, BodyRegion.ABDOMEN: 400.0}
_THIN_MM, _FINE_MM = 2.0, 1.5


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a scan is made of a drawing, and how it is stored.

    Attributes:
        drawn_mm: spacing of the drawing; slices over 2 mm are averages of several of its layers.
        drawn_field_mm: width of the square that is drawn.
        protocol: kernel, slices, field of view, noise and artefacts.
        storage: tilt, turn and order of the axes on disk.
    """

    drawn_mm: Point
    drawn_field_mm: float
    protocol: Protocol
    storage: Storage


def plain_acquisition(
    rng: np.random.Generator, region: BodyRegion, spacing_mm: Point, slice_mm: float | None
) -> Acquisition:
    """Voxels as asked, the region's usual field of view, supine; kernel, noise and artefacts are drawn."""
    thick = slice_mm or spacing_mm[2]
    protocol = replace(draw_protocol(rng, thick), increment_mm=spacing_mm[2], padding=None)
    drawn = (spacing_mm[0], spacing_mm[1], _layer_mm(thick))
    return Acquisition(drawn, _FIELD_MM[region], protocol, Storage())


def varied_acquisition(rng: np.random.Generator, region: BodyRegion) -> Acquisition:
    """As scanners differ: pixels of 0.6 to 0.95 mm, slices of 1 to 5 mm, the field cut or whole, any orientation."""
    protocol = draw_protocol(rng)
    while protocol.slice_mm < 1.0:
        protocol = draw_protocol(rng)
    pixel = round(float(rng.uniform(0.6, 0.95)), 3)
    usual = _FIELD_MM[region]
    offset = (float(rng.normal(0, 6)), float(rng.normal(0, 6)))
    wanted = float(np.clip(rng.normal(0.92 * usual, 0.08 * usual), 0.75 * usual, 1.1 * usual))
    field = wanted + 2 * max(map(abs, offset)) + 2 * pixel
    protocol = replace(protocol, field_mm=wanted, field_offset_mm=offset)
    return Acquisition((pixel, pixel, _layer_mm(protocol.slice_mm)), field, protocol, draw_storage(rng))


def _layer_mm(slice_mm: float) -> float:
    """Thickness of the drawing's layers."""
    return slice_mm if slice_mm <= _THIN_MM else slice_mm / float(np.ceil(slice_mm / _FINE_MM))
