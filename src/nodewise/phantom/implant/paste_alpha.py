"""Implants composited: drawn finer than the voxels, blurred as the scan is, its noise made anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.implant.ground import Ground, Pasted, Slices
from nodewise.phantom.implant.item import Item
from nodewise.phantom.implant.noise import piece, unevenness

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FINE_MM = 0.75


def paste_alpha(ground: Ground, part: Slices, item: Item, allowed: Mask, rng: np.random.Generator) -> Pasted:
    """Replace the fat's share of each voxel by the item (Porter and Duff 1984, *over*, in voxels of two tissues).

    Of the scan's own noise as much is kept as of its tissue; drawn noise makes up the variance.
    """
    cover, level = _drawn(ground, part, item, rng)
    hu, share = ground.hu[part], ground.share[part] * allowed
    fat, top = ground.fat[part], ground.top[part]
    amount = share * cover
    noise = ground.noise[part]
    own = np.clip(hu - (share * fat + (1 - share) * top), -4 * noise, 4 * noise)  # more than that is no noise
    zone = ground.background.zone((part[2].start + part[2].stop) // 2)
    new = noise * piece(zone.grain, hu.shape, rng)
    out = hu + amount * (level - fat - own) + np.sqrt(1 - (1 - amount) ** 2) * new
    out = np.where(amount > 0.004, out, hu)
    return Pasted(out.astype(np.float32), cover * allowed, level)


def _drawn(ground: Ground, part: Slices, item: Item, rng: np.random.Generator) -> tuple[Image, Image]:
    """Cover and HU of the item on the scan's voxels, after the scan's blur."""
    spacing = ground.spacing
    factors = [max(1, round(s / FINE_MM)) for s in spacing]
    steps = [s / f for s, f in zip(spacing, factors, strict=True)]
    x, y, z = (
        (np.repeat(ax, f) + np.tile((np.arange(f) - (f - 1) / 2) * s, len(ax))).astype(np.float32)
        for ax, f, s in zip(ground.part_axes(part), factors, steps, strict=True)
    )
    edge = float(np.mean(steps))
    reach = 2 * edge
    full = np.clip(0.5 - item.shape.distance((x, y, z), reach) / edge, 0, 1)
    level = np.full(full.shape, item.hu, np.float32)
    for hu, shape in item.inside:
        inner = np.clip(0.5 - shape.distance((x, y, z), reach) / edge, 0, 1)
        level += inner * (np.float32(hu) - level)
    width = [np.sqrt(max(b**2 - s**2 / 12, 0)) / s for b, s in zip(ground.look.blur_mm, spacing, strict=True)]
    cover = ndimage.gaussian_filter(_means(full, factors), width, truncate=2.5)
    uneven = item.swing_hu * unevenness(cover.shape, spacing, 5.0, rng)
    if item.streaks_hu:
        uneven += item.streaks_hu * unevenness(cover.shape, spacing, 2.5, rng)
    if not item.inside:
        return cover, np.float32(item.hu) + uneven
    dense = ndimage.gaussian_filter(_means(full * level, factors), width, truncate=2.5)
    return cover, np.where(cover > 1e-3, dense / np.maximum(cover, 1e-3), np.float32(item.hu)) + uneven


def _means(fine: Image, factors: list[int]) -> Image:
    """Means of blocks of voxels."""
    a, b, c = factors
    x, y, z = fine.shape
    return np.asarray(fine.reshape(x // a, a, y // b, b, z // c, c).mean(axis=(1, 3, 5)))
