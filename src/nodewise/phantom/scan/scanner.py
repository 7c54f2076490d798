"""A CT scan of a drawn patient: contrast phase, texture, motion, streaks, kernel, slices, noise; new at every call."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import fft

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.scan.arrays import (
    Array,
    as_float,
    as_index,
    combined,
    filtered,
    finer,
    frequencies,
    like,
    look_up,
    take,
)
from nodewise.phantom.scan.framing import Framing
from nodewise.phantom.scan.inflow import add_inflow
from nodewise.phantom.scan.motion import add_motion
from nodewise.phantom.scan.noise import add_noise
from nodewise.phantom.scan.protocol import Protocol, draw_protocol
from nodewise.phantom.scan.slices import averages
from nodewise.phantom.scan.streaks import add_streaks
from nodewise.phantom.scan.texture import Texture, draw_texture
from nodewise.phantom.scan.tissue import Appearance, Phase, draw_appearance
from nodewise.values.grid import Point
from nodewise.values.volume import Quantity, Volume

_LOWEST, _HIGHEST = -1024.0, 3071.0  # 12 bits, as scanners keep them


class Layers(NamedTuple):
    """A geometry's arrays as (z, y, x), numpy or torch; ``nodes`` is None where there is none."""

    tissue: Array
    other: Array
    share: Array
    nodes: Array | None


def layers_of(geometry: Geometry) -> Layers:
    """A geometry's arrays as the scanner takes them."""
    g = geometry
    return Layers(g.tissue.T, g.other.T, g.share.T, g.nodes.T if g.nodes.any() else None)


def scan(
    geometry: Geometry, rng: np.random.Generator, phase: Phase | None = None, protocol: Protocol | None = None
) -> Volume:
    """Scan a patient and put the slices back on the drawing's grid.

    Args:
        geometry: on a grid whose axes are the patient's.
        rng: draws whatever is not given.
        phase: of the contrast medium.
        protocol: kernel, slices, noise and artefacts; its field of view and padding are left to ``acquire``.

    Returns:
        HU on the same grid, float32, Fortran order.
    """
    look = draw_appearance(rng, phase)
    image = redraw(layers_of(geometry), geometry.grid.spacing, look, protocol or draw_protocol(rng), rng)
    return Volume(image.T, geometry.grid, Quantity.HU)


def acquire(
    geometry: Geometry, rng: np.random.Generator, look: Appearance, protocol: Protocol
) -> tuple[Volume, Framing]:
    """Scan a patient as the slices and the field of view that the protocol asks for.

    Returns:
        HU float32 on the scan's own grid, and the framing that puts label maps of the drawing on it.

    Raises:
        BadInputError: the field of view or a slice is larger than what is drawn, or a slice thinner than its voxels.
    """
    framing = Framing.of(geometry.grid, protocol)
    image = expose(layers_of(geometry), geometry.grid.spacing, look, protocol, rng)
    mean = averages(framing.middles, protocol.slice_mm / geometry.grid.spacing[2], len(image))
    slices = add_noise(combined(mean, image), geometry.grid.spacing[1::-1], protocol, rng)
    np.clip(slices, _LOWEST, _HIGHEST, out=slices)
    cut = np.asfortranarray(slices.T[framing.box.slices[:2]])
    if protocol.padding is not None:
        cut[framing.outside()] = protocol.padding
    return Volume(cut, framing.grid, Quantity.HU), framing


def redraw(layers: Layers, spacing: Point, look: Appearance, protocol: Protocol, rng: np.random.Generator) -> Array:
    """HU (z, y, x) of a geometry on its own grid, where its arrays lie: on CPU as numpy, or on a torch device."""
    image = expose(layers, spacing, look, protocol, rng)
    n, cells = len(image), max(1.0, protocol.slice_mm / spacing[2])
    pitch = max(1.0, protocol.pitch_mm / spacing[2])
    protocol = replace(protocol, slice_mm=cells * spacing[2], increment_mm=pitch * spacing[2])
    if cells < 1.05:
        image = add_noise(image, spacing[1::-1], protocol, rng)
    else:
        middles = (np.arange(int(np.ceil(n / pitch)) + 2) - rng.random()) * pitch
        slices = add_noise(combined(averages(middles, cells, n), image), spacing[1::-1], protocol, rng)
        image = finer(slices, 0, float(middles[0]), pitch, n)
    return image.clip(_LOWEST, _HIGHEST)


def expose(layers: Layers, spacing: Point, look: Appearance, protocol: Protocol, rng: np.random.Generator) -> Array:
    """HU (z, y, x) before slices are made of it and without noise."""
    image = densities(layers, spacing, look, rng)
    image = add_inflow(image, layers.tissue, float(look.hu[Tissue.VESSEL_VEIN]), protocol.inflow, spacing)
    image = add_motion(image, layers.tissue, spacing, protocol, rng)
    image = add_streaks(image, layers.tissue, spacing, protocol.streaks, rng)
    return spread(image, spacing, protocol)


def densities(layers: Layers, spacing: Point, look: Appearance, rng: np.random.Generator) -> Array:
    """Densities with texture; voxels shared by two tissues have their mean."""
    slow, fine = (draw_texture(mm, spacing, rng, layers.tissue) for mm in (15.0, 4.0))
    offsets = rng.normal(0, look.node_spread, 1 << 10).astype(np.float32)
    offsets[0] = 0
    plaque = (float(rng.uniform(1.5, 3.2)), float(rng.uniform(300, 900))) if rng.random() < 0.5 else None
    image = like(np.empty(layers.tissue.shape, np.float32), layers.tissue)
    for first in range(0, len(image), _SLAB):
        part = slice(first, first + _SLAB)
        slab = Layers(*(None if a is None else a[part] for a in layers))
        image[part] = _slab(slab, first, (slow, fine), look, offsets, plaque)
    return image


_SLAB = 24  # slices at a time, so that what is kept in memory stays small


def _slab(
    slab: Layers,
    first: int,
    textures: tuple[Texture, Texture],
    look: Appearance,
    offsets: np.ndarray,
    plaque: tuple[float, float] | None,
) -> Array:
    """Densities of some slices, from slice ``first`` of the drawing on."""
    slow, fine = (t.slab(first, tuple(slab.tissue.shape)) for t in textures)
    tissue = as_index(slab.tissue)
    own = look_up(look.slow, tissue) * slow
    own += look_up(look.hu, tissue)
    own += look_up(look.fine, tissue) * fine
    if look.strands > 0 or look.marbling > 0:
        ridge = (slow + fine * 0.15) * (1 / 0.22)  # sheets where a slow texture crosses zero, broken by a fine one
        strand = (1 - ridge * ridge).clip(0, None) * (fine * 0.6 + 0.4).clip(0, 1)
        own += strand * look_up(np.float32(look.strands) * _STRANDED + np.float32(look.marbling) * _MARBLED, tissue)
    if slab.nodes is not None and bool(slab.nodes.any()):
        own += look_up(offsets, slab.nodes)
    if plaque is not None:
        wall = (slab.tissue == Tissue.VESSEL_ARTERY) & (slab.share < 250) & (fine > plaque[0])
        own[wall] = plaque[1]
    behind = look_up(look.hu, slab.other)
    own -= behind
    own *= as_float(slab.share)
    own *= 1 / 255
    own += behind
    return own


# How many HU a strand stands out from its tissue.
_STRANDED = np.zeros(256, np.float32)
_STRANDED[Tissue.FAT] = 130.0
_STRANDED[Tissue.THYMUS] = 50.0
_MARBLED = np.zeros(256, np.float32)
_MARBLED[[Tissue.MUSCLE, Tissue.GLAND]] = -100.0


def spread(image: Array, spacing: Point, protocol: Protocol) -> Array:
    """The kernel's point spread in plane: a Gaussian, less a wider one for a kernel that enhances edges."""
    if protocol.blur_mm == 0:
        return image
    reach = [int(np.ceil(3 * protocol.blur_mm / s)) + 1 for s in spacing[1::-1]]
    old = image.shape[1:]
    size = [fft.next_fast_len(n + 2 * r, True) for n, r in zip(old, reach, strict=True)]
    v, u = frequencies((size[0], size[1]), spacing[1::-1])
    square = (u * u + v * v) * np.float32(2 * (np.pi * protocol.blur_mm) ** 2)
    edge = np.float32(protocol.edge)
    response = (1 + edge) * np.exp(-square) - edge * np.exp(-square * np.float32(_OVERSHOOT**2))
    down, across = (np.clip(np.arange(n) - r, 0, k - 1) for n, r, k in zip(size, reach, old, strict=True))
    for first in range(0, len(image), _SLAB):
        wide = take(take(image[first : first + _SLAB], down, 1), across, 2)
        sharp = filtered(wide, response, (size[0], size[1]))
        image[first : first + _SLAB] = sharp[:, reach[0] : reach[0] + old[0], reach[1] : reach[1] + old[1]]
    return image


_OVERSHOOT = 2.2  # width of what is taken away, in widths of the point spread
