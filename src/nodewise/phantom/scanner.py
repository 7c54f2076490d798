"""A CT scan of a drawn patient: contrast phase, texture, blur, slices, noise; a new one at every call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.tissue import Appearance, Phase, draw_appearance
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

Image = npt.NDArray[np.float32]  # (z, y, x) here, so that x is contiguous


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a scan is made.

    Attributes:
        blur_mm: standard deviation of the point spread in plane.
        slice_mm: thickness; slices are averaged over it.
        noise_hu: standard deviation of the noise. grain_mm: its correlation in plane.
        sharp: whether the kernel takes out the noise's low frequencies.
    """

    blur_mm: float
    slice_mm: float
    noise_hu: float
    grain_mm: float
    sharp: bool


def draw_protocol(rng: np.random.Generator, slice_mm: float | None = None) -> Protocol:
    """A protocol as hospitals use them."""
    thick = float(rng.choice((1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 5.0), p=(0.2, 0.15, 0.15, 0.15, 0.13, 0.13, 0.09)))
    noise = float(np.clip(13 * np.exp(rng.normal(0, 0.55)), 4, 40))
    return Protocol(
        blur_mm=float(rng.uniform(0.45, 0.95)),
        slice_mm=slice_mm or thick,
        noise_hu=noise,
        grain_mm=float(rng.uniform(0.3, 1.5)),
        sharp=bool(rng.random() < 0.25),
    )


def scan(
    geometry: Geometry, rng: np.random.Generator, phase: Phase | None = None, protocol: Protocol | None = None
) -> Volume:
    """Scan a patient.

    Args:
        geometry: on a grid whose axes are the patient's.
        rng: draws whatever is not given.
        phase: of the contrast medium.
        protocol: slice thickness, blur and noise.

    Returns:
        HU on the same grid, float32, Fortran order.
    """
    look = draw_appearance(rng, phase)
    protocol = protocol or draw_protocol(rng)
    spacing = geometry.grid.spacing
    image = _densities(geometry, look, rng)
    _nodes(image, geometry, look, rng)
    _calcify(image, geometry, rng)
    image = _blur(image, protocol.blur_mm / spacing[0])
    image = _slices(image, geometry.grid, protocol, rng)
    np.clip(image, -1024, 3071, out=image)
    return Volume(image.T, geometry.grid, Quantity.HU)


def _densities(geometry: Geometry, look: Appearance, rng: np.random.Generator) -> Image:
    """Mean densities with texture, edges shared between two tissues."""
    tissue, other = np.ascontiguousarray(geometry.tissue.T), np.ascontiguousarray(geometry.other.T)
    share = np.ascontiguousarray(geometry.share.T).astype(np.float32)
    share *= np.float32(1 / 255)
    spacing = geometry.grid.spacing
    slow, fine = noise_field(tissue.shape, 15.0, spacing, rng), noise_field(tissue.shape, 4.0, spacing, rng)
    fibre = slow * np.float32(0.6) + fine
    own = look.hu[tissue]
    own += look.slow[tissue] * slow
    own += look.fine[tissue] * fine
    if look.strands > 0:
        strand = np.exp(-((fibre / np.float32(0.16)) ** 2))
        strand *= _STRANDED[tissue]
        strand *= np.float32(look.strands) * np.clip(slow + np.float32(0.3), 0, 1)
        own += strand
    hu = look.hu[other]
    own -= hu
    own *= share
    hu += own
    return np.asarray(hu)


_STRANDED = np.zeros(256, np.float32)
_STRANDED[Tissue.FAT] = 110.0
_STRANDED[Tissue.THYMUS] = 50.0
_STRANDED[Tissue.MUSCLE] = -70.0


def noise_field(
    shape: tuple[int, ...], scale_mm: float, spacing: tuple[float, float, float], rng: np.random.Generator
) -> Image:
    """Smooth noise of unit variance, (z, y, x), that varies over ``scale_mm``: a random piece of a periodic cube."""
    return _piece(_smooth_cube(scale_mm, tuple(round(s, 3) for s in spacing[::-1])), shape, rng)


@cache
def _smooth_cube(scale_mm: float, spacing: tuple[float, ...]) -> Image:
    """A periodic cube of smooth noise, (z, y, x), the same in every process."""
    noise = np.random.default_rng(7).standard_normal(_CUBE, dtype=np.float32)
    for axis, step in enumerate(spacing):
        noise = ndimage.gaussian_filter1d(noise, 0.4 * scale_mm / step, axis=axis, mode="wrap", truncate=3.0)
    return np.asarray(noise / noise.std())


_CUBE = (144, 144, 144)


def _piece(cube: Image, shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """``shape`` voxels of a periodic cube from a random place."""
    for axis, n in enumerate(shape):
        start = int(rng.integers(cube.shape[axis]))
        cube = cube.take(np.arange(start, start + n) % _CUBE[axis], axis)
    return cube


def _nodes(image: Image, geometry: Geometry, look: Appearance, rng: np.random.Generator) -> None:
    """Give each node its own density; some have a fatty hilum, necrosis or calcium."""
    numbers = np.ascontiguousarray(geometry.nodes.T)
    spacing = np.asarray(geometry.grid.spacing[::-1])
    for number, place in enumerate(ndimage.find_objects(numbers), 1):
        draws = rng.random(4)
        offset, kind = rng.normal(0, look.node_spread), rng.random()
        if place is None:
            continue
        inside = numbers[place] == number
        view = image[place]
        view[inside] += np.float32(offset)
        points = np.argwhere(inside)
        size = 2 * np.sqrt(5 * np.min((points * spacing).var(axis=0) + spacing**2 / 12))
        if size < 7 or kind > 0.34:
            continue
        middle = points.mean(axis=0) + (draws[:3] - 0.5) * np.ptp(points, axis=0) * 0.3
        radius = size * (0.15 + 0.2 * draws[3])
        z, y, x = (((np.arange(n) - c) * s) ** 2 for n, c, s in zip(inside.shape, middle, spacing, strict=True))
        square = (z[:, None, None] + y[:, None] + x).astype(np.float32)
        weight = np.exp(-square / np.float32(radius**2)) * inside
        core = -50.0 if kind < 0.15 else (12.0 if kind < 0.26 else rng.uniform(150, 600))
        if kind >= 0.26:
            weight *= square < (0.6 * radius) ** 2
        view += weight * (np.float32(core) - view)


def _calcify(image: Image, geometry: Geometry, rng: np.random.Generator) -> None:
    """Plaques of 300 to 900 HU in the wall of the arteries, in half of the patients."""
    if rng.random() > 0.5:
        return
    tissue = geometry.tissue.T
    edge = (tissue == Tissue.VESSEL_ARTERY) & (geometry.share.T < 250)
    places = np.flatnonzero(edge)
    if places.size == 0:
        return
    spacing = np.asarray(geometry.grid.spacing[::-1])
    count = int(rng.poisson(places.size * np.prod(spacing) / 6000 * rng.uniform(0.2, 2)))
    for place in rng.choice(places, min(count, 80)):
        at = np.asarray(np.unravel_index(int(place), tissue.shape))
        reach = np.maximum(1, np.ceil(3 / spacing)).astype(int)
        low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, tissue.shape)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        z, y, x = (((np.arange(a, b) - c) * s) ** 2 for a, b, c, s in zip(low, high, at, spacing, strict=True))
        near = (z[:, None, None] + y[:, None] + x) < rng.uniform(0.8, 2.6) ** 2
        image[part][near & edge[part]] = rng.uniform(300, 900)


def _blur(image: Image, sigma: float) -> Image:
    """Gaussian blur in plane, ``sigma`` in voxels."""
    if sigma < 0.2:
        return image
    radius = max(1, int(np.ceil(2.5 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (1, 2):
        image = ndimage.correlate1d(image, kernel, axis=axis, mode="nearest")
    return image


def _slices(image: Image, grid: Grid, protocol: Protocol, rng: np.random.Generator) -> Image:
    """Average over the slices' thickness, add their noise, and put them back on the grid."""
    n, step = image.shape[0], grid.spacing[2]
    pitch = max(1.0, protocol.slice_mm / step)
    spacing = grid.spacing[0]
    if pitch < 1.05:
        image += _grain(image.shape, spacing, protocol, rng)
        return image
    count = int(np.ceil(n / pitch)) + 2
    middle = (np.arange(count) - rng.random()) * pitch
    cells = np.arange(n)
    cover = np.clip(
        np.minimum(cells + 0.5, middle[:, None] + pitch / 2) - np.maximum(cells - 0.5, middle[:, None] - pitch / 2),
        0,
        1,
    )
    empty = cover.sum(axis=1) < 1e-6
    cover[empty, np.clip(np.rint(middle[empty]), 0, n - 1).astype(int)] = 1
    average = (cover / cover.sum(axis=1, keepdims=True)).astype(np.float32)
    t = (cells - middle[0]) / pitch
    low = t.astype(int)
    back = np.zeros((n, count), np.float32)
    back[cells, low] = 1 - (t - low)
    back[cells, low + 1] += t - low
    flat = image.reshape(n, -1)
    slices = average @ flat
    slices += _grain((count, *image.shape[1:]), spacing, protocol, rng).reshape(count, -1)
    return np.asarray((back @ slices).reshape(image.shape))


def _grain(shape: tuple[int, ...], spacing: float, protocol: Protocol, rng: np.random.Generator) -> Image:
    """Noise with the kernel's correlation and standard deviation."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    smooth = _blur(noise, protocol.grain_mm / spacing)
    if protocol.sharp:
        smooth = smooth - np.float32(0.8) * _blur(smooth, 1.5 * max(protocol.grain_mm / spacing, 0.6))
    smooth *= np.float32(protocol.noise_hu / max(float(smooth[: max(1, shape[0] // 8)].std()), 1e-3))
    return smooth
