"""How readers err: nodes missed, borders a voxel off, neighbours merged, a vessel taken for a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.values.grid import Grid

Labels = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelNoise:
    """Errors of a reader.

    Attributes:
        missed: chance that a node of 5 mm is missed; it falls with size, to a third of it at 15 mm.
        border_mm: standard deviation of the border.
        merged: chance that two touching nodes become one.
        false: how many false nodes a patient has on average.
    """

    missed: float = 0.15
    border_mm: float = 0.7
    merged: float = 0.5
    false: float = 0.3


def mislabel(
    array: Labels,
    chosen: Sequence[int],
    grid: Grid,
    noise: LabelNoise,
    rng: np.random.Generator,
    decoys: Mask | None = None,
) -> tuple[Labels, tuple[tuple[int, ...], ...]]:
    """Instances as a reader would draw them, numbered from 1, and the true nodes that each stands for.

    Args:
        array: uint16 (x, y, z), every node's number.
        chosen: the nodes that are to be annotated; each fills a voxel.
        grid: of ``array``, for lengths in mm.
        noise: how the reader errs.
        rng: draws what goes wrong.
        decoys: bool (x, y, z), what may be taken for a node; no false ones where None.
    """
    boxes = ndimage.find_objects(array)
    seen = [n for n in chosen if not _missed(array[boxes[n - 1]] == n, grid, noise, rng)]
    groups = _merged(array, seen, boxes, noise, rng)
    out = np.zeros(array.shape, np.uint16, order="F")
    for label, group in enumerate(groups, 1):
        place = _union([boxes[n - 1] for n in group], array.shape, 3)
        drawn = _redrawn(np.isin(array[place], group), grid, noise.border_mm, rng)
        view = out[place]
        free = drawn & (view == 0)
        # A neighbour may have been drawn over all of it: its own voxels come first then.
        view[free if free.any() else np.isin(array[place], group)] = label
    stands_for = list(groups)
    if decoys is not None:
        for _ in range(int(rng.poisson(noise.false))):
            false = _false_one(decoys & (array == 0) & (out == 0), grid, rng)
            if false is not None:
                part, mask = false
                out[part][mask] = len(stands_for) + 1
                stands_for.append(())
    return out, tuple(stands_for)


def _missed(mask: Mask, grid: Grid, noise: LabelNoise, rng: np.random.Generator) -> bool:
    """Whether a reader does not see a node; the smaller the likelier."""
    diameter = 2 * (3 * np.count_nonzero(mask) * grid.voxel_volume_mm3 / (4 * np.pi)) ** (1 / 3)
    return bool(rng.random() < noise.missed * min(2.0, 5 / max(diameter, 1e-3)))


def _merged(
    array: Labels, seen: Sequence[int], boxes: Sequence[tuple[slice, ...]], noise: LabelNoise, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """Nodes that become one instance; those that touch (26 neighbours) may."""
    head = {n: n for n in seen}
    for n in seen:
        place = _union([boxes[n - 1]], array.shape, 1)
        around = ndimage.binary_dilation(array[place] == n, np.ones((3, 3, 3)))
        for other in np.unique(array[place][around]).tolist():
            if other > n and other in head and rng.random() < noise.merged:
                old, new = head[other], head[n]
                head = {k: new if v == old else v for k, v in head.items()}
    return [tuple(k for k in seen if head[k] == h) for h in dict.fromkeys(head.values())]


def _redrawn(mask: Mask, grid: Grid, border_mm: float, rng: np.random.Generator) -> Mask:
    """The mask with its border moved in and out smoothly; never empty."""
    away = ndimage.distance_transform_edt(~mask, sampling=grid.spacing)
    deep = ndimage.distance_transform_edt(mask, sampling=grid.spacing)
    half = 0.5 * min(grid.spacing)
    wave = ndimage.gaussian_filter(rng.standard_normal(mask.shape), [2.0 / s for s in grid.spacing], mode="wrap")
    wave *= 0.8 * border_mm / max(float(wave.std()), 1e-6)
    signed = np.where(mask, half - deep, away - half) + wave + rng.normal(0, 0.6 * border_mm)
    found = np.asarray(signed < 0)
    return found if found.any() else mask


def _false_one(decoys: Mask, grid: Grid, rng: np.random.Generator) -> tuple[tuple[slice, ...], Mask] | None:
    """A piece of a decoy, 6 to 12 mm across: where it lies, and its voxels there."""
    places = np.flatnonzero(decoys.ravel(order="F"))
    if places.size == 0:
        return None
    centre = np.array(np.unravel_index(int(rng.choice(places)), decoys.shape, order="F"))
    radius = rng.uniform(3, 6)
    reach = np.ceil(radius / np.asarray(grid.spacing)).astype(int)
    part = tuple(
        slice(max(0, int(c - n)), min(size, int(c + n + 1)))
        for c, n, size in zip(centre, reach, decoys.shape, strict=True)
    )
    x, y, z = (((np.arange(p.start, p.stop) - c) * s) ** 2 for p, c, s in zip(part, centre, grid.spacing, strict=True))
    near = x[:, None, None] + y[:, None] + z < radius**2
    return part, np.asarray(near & decoys[part])


def _union(boxes: Sequence[tuple[slice, ...]], shape: tuple[int, ...], margin: int) -> tuple[slice, ...]:
    """The box around all ``boxes`` with ``margin`` voxels more, within ``shape``."""
    return tuple(
        slice(max(0, min(b[a].start for b in boxes) - margin), min(n, max(b[a].stop for b in boxes) + margin))
        for a, n in enumerate(shape)
    )
