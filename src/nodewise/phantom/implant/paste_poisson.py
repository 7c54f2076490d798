"""Implants blended by gradients: texture taken from the scan's own soft tissue, seams spread until none is left.

Shares no step with ``paste_alpha``: shapes are integrated by quadrature, noise is the scan's own from elsewhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Blob, Field, Tube
from nodewise.phantom.implant.ground import Ground, Pasted, Slices
from nodewise.phantom.implant.item import Item
from nodewise.phantom.implant.noise import unevenness

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

STEPS = 12  # of conjugate gradients: the screened equation forgets its seams within two voxels


def paste_poisson(ground: Ground, part: Slices, item: Item, allowed: Mask, rng: np.random.Generator) -> Pasted:
    """Gradients of the model and of a donor's texture inside, of the scan outside (Pérez, Gangnet and Blake 2003)."""
    cover, level = _integrated(ground, part, item, rng)
    hu, share = ground.hu[part], ground.share[part] * allowed
    fat, top = ground.fat[part], ground.top[part]
    amount = share * cover
    limit = 3.5 * ground.noise[part]  # what is more than noise is a border, and stays
    own = np.clip(hu - (share * fat + (1 - share) * top), -limit, limit)
    inner = amount >= 0.5
    texture = _donated(ground, part, inner, rng)
    out = hu + amount * (level - fat)
    if inner.any():
        change = np.where(inner, texture - own, np.float32(0))
        out = out + change + _seam(texture - np.where(share > 0.5, own, texture), inner, amount > 0.02, ground)
    return Pasted(np.asarray(out, np.float32), cover * allowed, level)


def _integrated(ground: Ground, part: Slices, item: Item, rng: np.random.Generator) -> tuple[Image, Image]:
    """Cover and HU at the voxels by Stroud's cubature of degree 3 over the point spread: six points."""
    axes = ground.part_axes(part)
    blur = np.asarray(ground.look.blur_mm)
    soft = 0.7 * float(blur.min())
    offsets = np.sqrt(3 * np.maximum(blur**2 - soft**2, 0))
    shape = tuple(len(a) for a in axes)
    level = np.float32(item.hu) + item.swing_hu * unevenness(shape, ground.spacing, 5.0, rng)
    if item.streaks_hu:
        level += item.streaks_hu * unevenness(shape, ground.spacing, 2.5, rng)
    cover, dense = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for way in (*np.eye(3), *-np.eye(3)):
        x, y, z = (a + np.float32(w * o) for a, w, o in zip(axes, way, offsets, strict=True))
        full = _inside(item.shape, (x, y, z), soft)
        here = level
        for hu, inner in item.inside:
            here = here + _inside(inner, (x, y, z), soft) * (np.float32(hu) - here)
        cover += full / np.float32(6)
        dense += full * here / np.float32(6)
    return cover, np.where(cover > 1e-3, dense / np.maximum(cover, 1e-3), np.float32(item.hu))


def _inside(shape: Blob | Tube, axes: tuple[Field, Field, Field], soft: float) -> Image:
    """A smooth step across the surface, close to the normal distribution's with ``soft`` mm."""
    d = shape.distance(axes, 3 * soft)
    return np.asarray(0.5 - 0.5 * np.tanh(np.clip(d / soft, -9, 9) * np.float32(0.8)))


def _donated(ground: Ground, part: Slices, wanted: Mask, rng: np.random.Generator) -> Image:
    """Noise and texture of even soft tissue from other places of the scan, at this place's strength."""
    zone, noise = ground.background.zone((part[2].start + part[2].stop) // 2), ground.noise[part]
    donor, places = zone.donor, zone.places
    out = np.zeros(wanted.shape, np.float32)
    todo = wanted.copy()
    for _ in range(3):
        if not todo.any() or not len(places):
            break
        tries = [_taken(donor, places, wanted.shape, rng) for _ in range(4)]
        found = max(tries, key=lambda t: int(np.count_nonzero(t[todo])))
        fill = todo & (found != 0)
        out[fill] = found[fill]
        todo &= ~fill
    own = (ground.hu[part] - ground.fat[part]) / noise
    out[todo] = np.clip(own[todo], -2, 2)
    return np.asarray(out * noise)


def _taken(donor: Image, places: npt.NDArray[np.int32], shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """``shape`` voxels about one of the donor's places, turned over at random."""
    middle = places[int(rng.integers(len(places)))]
    index = []
    for m, n, most in zip(middle, shape, donor.shape, strict=True):
        start = int(m) - n // 2
        index.append(np.clip(np.arange(start, start + n), 0, most - 1)[:: int(rng.choice((-1, 1)))])
    return np.asarray(donor[np.ix_(*index)])


def _seam(gap: Image, inner: Mask, free: Mask, ground: Ground) -> Image:
    """What makes the gradients across the border of ``inner`` the mean of those on either side.

    Minimises the squared difference to those gradients plus the square of the change over a length of one blur, zero
    outside ``free``. Fixed number of conjugate gradient steps.
    """
    weights = [(ground.look.blur_mm[a] / ground.spacing[a]) ** 2 for a in range(3)]
    source = np.zeros(gap.shape, np.float32)
    for axis, w in enumerate(weights):
        if gap.shape[axis] < 2:
            continue
        a, b = _pair(axis)
        cross = inner[b].astype(np.float32) - inner[a]
        jump = 0.5 * w * cross * (gap[a] + gap[b])
        source[a] += jump
        source[b] -= jump
    source *= free
    change, rest = np.zeros_like(source), source
    way, size = rest.copy(), float((rest**2).sum())
    for _ in range(STEPS):
        if size < 1e-2:
            break
        curved = way.copy()
        for axis, w in enumerate(weights):
            if gap.shape[axis] > 1:
                a, b = _pair(axis)
                step = w * (way[b] - way[a])
                curved[a] -= step
                curved[b] += step
        curved *= free
        length = size / max(float((way * curved).sum()), 1e-9)
        change = change + length * way
        rest = rest - length * curved
        before, size = size, float((rest**2).sum())
        way = rest + size / before * way
    return change


def _pair(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All but the last, and all but the first, along ``axis``."""
    every: list[slice] = [slice(None)] * 3
    a, b = list(every), list(every)
    a[axis], b[axis] = slice(None, -1), slice(1, None)
    return tuple(a), tuple(b)
