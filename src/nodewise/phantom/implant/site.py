"""A real scan surveyed once: what is fat and may be replaced, what may be a real node, how the scan looks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.read import read_anatomy
from nodewise.image.denoise import denoised
from nodewise.image.resample import resample
from nodewise.phantom.implant.blob import likely_nodes
from nodewise.phantom.implant.hu import Look, blood, edge_blur, tissue_peaks
from nodewise.phantom.implant.noise import Noise, noise_zones
from nodewise.phantom.implant.review import Review
from nodewise.values.anatomy import Anatomy
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Slices = tuple[slice, slice, slice]

LEAST_FAT_ML = 3.0
NEAR_STATION_MM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """A surveyed scan; every array lies on ``ct`` cropped to ``box``.

    Attributes:
        fat: HU of the fat hereabouts. top: HU of the structure that shares a voxel with it.
        share: how much of the voxel is fat that may be replaced, 0 to 1.
        noise: standard deviation, HU, from place to place. zones: the noise by stretches along z of the surveyed box.
        first: slice of the surveyed box that is the first here.
        room: mm from fat to what is not fat, 0 outside the region.
        ignore: likely real nodes.
        seen: where a person looked: what is not ignored there is no node.
        stations: ``Station.label`` on the whole scan's grid, None where it is not known.
    """

    study: Study
    box: Box
    look: Look
    fat: Image
    top: Image
    share: Image
    noise: Image
    first: int
    room: Image
    ignore: Mask
    seen: Mask
    zones: tuple[Noise, ...]
    stations: Volume | None

    @property
    def hu(self) -> Image:
        """The scan within ``box``."""
        return np.asarray(self.study.ct.array[self.box.slices])

    @property
    def grid(self) -> Grid:
        """The grid of ``box``."""
        return self.study.ct.grid.crop(self.box)

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """Flat indices (C order) of voxels with room for at least a small node."""
        return np.flatnonzero(self.room > 1.5)

    def crop(self, box: Box) -> Background:
        """The part in ``box`` (voxels of this background's box), as views."""
        s = box.slices
        return replace(
            self, box=box.shifted(self.box.start), fat=self.fat[s], top=self.top[s], share=self.share[s],
            noise=self.noise[s], first=self.first + box.start[2], room=self.room[s], ignore=self.ignore[s],
            seen=self.seen[s],
        )  # fmt: skip

    def zone(self, middle: int) -> Noise:
        """The noise about a slice of this part."""
        return min(self.zones, key=lambda z: abs(0.5 * (z.start + z.stop) - (middle + self.first)))


def survey(study: Study, region: Volume | None = None, review: Review | None = None) -> Background:
    """Survey a scan for implants.

    Args:
        study: any CT; without ``region`` its mediastinum is looked for, and where there is none its deep fat is taken.
        region: MASK, or LABEL above 0, of where nodes may go (neck, mesentery, …), on any grid.
        review: where a person looked, and what may be a node there; beyond it is told by shape and density.

    Raises:
        BadInputError: too little fat there, or none at all.
    """
    anatomy = read_anatomy(study) if region is None else None
    where = _region(study.ct, anatomy) if region is None else resample(region, study.ct.grid).array > 0
    if not where.any():
        raise BadInputError("no region to implant into: the mask is empty, or lies outside the scan")
    spacing = study.ct.grid.spacing
    margin = [int(np.ceil(12.0 / s)) for s in spacing]
    box = Box.around(where).expanded((margin[0], margin[1], margin[2])).clipped(study.ct.grid.shape)
    hu = np.asarray(study.ct.array[box.slices])
    where = where[box.slices]
    fat_hu, muscle_hu = tissue_peaks(*_slab(study.ct, box))
    smooth = denoised(hu, spacing)
    zones, noise = noise_zones(hu, smooth, fat_hu, spacing)
    noise_hu, fat_noise = np.median([(z.noise_hu, z.fat_noise_hu) for z in zones], axis=0).tolist()
    airway, aorta = _organ(anatomy, study.ct, box, 4), _organ(anatomy, study.ct, box, 6)
    blood_hu, enhanced = blood(smooth, where, aorta, muscle_hu, noise_hu, spacing)
    blur = edge_blur(_slab(study.ct, box)[0], spacing)
    look = Look(fat_hu, muscle_hu, blood_hu, enhanced, blur, noise_hu, fat_noise)
    fat, top, share = _shares(hu, smooth, airway, look)
    ignore, seen = likely_nodes(smooth, share, where, look, spacing), np.zeros(hu.shape, bool)
    if review is not None:
        seen = review.seen(study.ct.grid.crop(box))
        ignore = np.where(seen, review.doubtful(study.ct.grid.crop(box)), ignore)
    room = _room(share, where, ignore, spacing)
    if float((room > 0).sum()) * study.ct.grid.voxel_volume_mm3 < 1000 * LEAST_FAT_ML:
        raise BadInputError(f"less than {LEAST_FAT_ML:g} ml of fat among the organs: too little to implant nodes into")
    stations = None if anatomy is None else anatomy.stations
    return Background(study, box, look, fat, top, share, noise, 0, room, ignore, seen, zones, stations)


def _slab(ct: Volume, box: Box) -> tuple[Image, Mask]:
    """At most 30 slices from the middle of ``box``, whole, and what of them lies beside it."""
    middle = (box.start[2] + box.stop[2]) // 2
    half = min(15, (box.stop[2] - box.start[2] + 1) // 2)
    low = max(0, middle - half)
    slab = np.asarray(ct.array[:, :, low : middle + half])
    wall = np.ones(slab.shape, bool)
    wall[box.slices[0], box.slices[1]] = False
    return slab, wall


def _region(ct: Volume, anatomy: Anatomy | None) -> Mask:
    """Near the stations; without them the chest's cavity in the mediastinum's box; without that the deep fat."""
    assert anatomy is not None
    if anatomy.stations is not None:
        spacing = anatomy.stations.grid.spacing
        pad = [int(np.ceil(NEAR_STATION_MM / s)) for s in spacing]
        grown = Box((0, 0, 0), anatomy.stations.grid.shape).expanded((pad[0], pad[1], pad[2]))
        far = np.pad(anatomy.stations.array == 0, [(p, p) for p in pad], constant_values=True)
        near = ndimage.distance_transform_edt(far, sampling=spacing) <= NEAR_STATION_MM
        inside = _on(Volume(np.asfortranarray(near), anatomy.stations.grid.crop(grown), Quantity.MASK), ct.grid)
        return inside & _deep(ct)
    deep = _deep(ct) & ~_beside_spine(ct, anatomy)
    if anatomy.cavity is not None:
        deep &= _on(anatomy.cavity, ct.grid)
    inside = np.zeros(ct.grid.shape, bool, order="F")
    box = ct.grid.box_around(anatomy.mediastinum.low_mm, anatomy.mediastinum.high_mm)
    inside[box.slices] = deep[box.slices]
    return inside


def _beside_spine(ct: Volume, anatomy: Anatomy) -> Mask:
    """What lies behind the middle of a vertebra's body, 15 mm in front of the spinal canal; nothing without a canal."""
    out = np.zeros(ct.grid.shape, bool, order="F")
    canal = None if anatomy.organs is None else _organ(anatomy, ct, Box((0, 0, 0), ct.grid.shape), 5)
    if canal is None or not canal.any():
        return out
    seen = np.flatnonzero(canal.any(axis=(0, 1)))
    front = np.interp(np.arange(canal.shape[2]), seen, canal[:, :, seen].any(axis=0).argmax(axis=0))
    out |= np.arange(canal.shape[1])[:, None] > front - 15.0 / ct.grid.spacing[1]
    return out


def _deep(ct: Volume) -> Mask:
    """Fat and soft tissue more than 15 mm under the skin and within 12 mm of both muscle or organ and fat."""
    skip = tuple(slice(None, None, max(1, round(3.0 / s))) for s in ct.grid.spacing)
    coarse = ct.array[skip]
    steps = [s.step * h for s, h in zip(skip, ct.grid.spacing, strict=True)]
    body = ndimage.binary_opening(coarse > -300, iterations=2)
    for k in range(body.shape[2]):
        body[:, :, k] = ndimage.binary_fill_holes(body[:, :, k])
    sides = np.pad(body, [(1, 1), (1, 1), (0, 0)])
    depth = ndimage.distance_transform_edt(sides, sampling=[steps[0], steps[1], 1e3])[1:-1, 1:-1]
    soft = ndimage.binary_opening((coarse > 0) & (coarse < 300))
    near = ndimage.distance_transform_edt(~soft, sampling=steps) < 12
    deep = (depth > 15) & near & (coarse > -300)
    full = np.repeat(np.repeat(np.repeat(deep, skip[0].step, 0), skip[1].step, 1), skip[2].step, 2)
    return np.asarray(full[tuple(slice(0, n) for n in ct.grid.shape)])


def _on(mask: Volume, grid: Grid) -> Mask:
    return np.asarray(resample(mask, grid).array)


def _organ(anatomy: Anatomy | None, ct: Volume, box: Box, label: int) -> Mask:
    if anatomy is None or anatomy.organs is None:
        return np.zeros(box.shape, bool)
    part = Volume(np.asfortranarray(anatomy.organs.array == label), anatomy.organs.grid, Quantity.MASK)
    return _on(part, ct.grid.crop(box))


def _shares(hu: Image, smooth: Image, airway: Mask, look: Look) -> tuple[Image, Image, Image]:
    """Unmix fat from what it touches: HU of the fat, HU of the other, and the fat's share of each voxel.

    A voxel between fat F and a structure of T holds (T − I) / (T − F) of fat; T is the brightest, or darkest, nearby.
    Only what touches a sheet of fat at least three voxels wide counts: a border of lung and vessel passes through
    fat's HU without any fat in it.
    """
    fat_like = (smooth > look.fat_hu - 45) & (smooth < look.fat_hu + 50)
    core = ndimage.binary_opening(fat_like, np.ones((3, 3, 1), bool))
    weight = core.astype(np.float32)
    width = (4.0, 4.0, 1.5)
    offset = ndimage.gaussian_filter((hu - np.float32(look.fat_hu)) * weight, width)
    fat = np.float32(look.fat_hu) + offset / (ndimage.gaussian_filter(weight, width) + np.float32(0.05))
    high = ndimage.maximum_filter(ndimage.gaussian_filter(smooth, (0.5, 0.5, 0.0)), (5, 5, 3))
    high = np.maximum(high, look.muscle_hu)
    low = ndimage.minimum_filter(smooth, (5, 5, 3))
    bright = (high - smooth - 12) / (high - fat - 40)  # fat's own texture is all fat
    dark = (hu - low) / np.maximum(fat - low, 50)  # the border of lung outweighs any noise
    share = np.where(smooth >= fat, bright, np.where(smooth < fat - 35, dark, 1.0))
    near = ndimage.binary_dilation(core, np.ones((3, 3, 1), bool), iterations=2)
    near |= ndimage.binary_dilation(core, np.ones((3, 3, 3), bool))
    touching = ndimage.binary_dilation(core, np.ones((3, 3, 1), bool))
    share[~np.where(smooth < fat - 35, touching, near)] = 0
    share[ndimage.binary_dilation(airway)] = 0
    share = np.clip(share, 0, 1).astype(np.float32)
    top = np.where(smooth >= fat, high, low)
    return fat.astype(np.float32), top.astype(np.float32), share


def _room(share: Image, where: Mask, ignore: Mask, spacing: tuple[float, float, float]) -> Image:
    free = (share > 0.6) & ~ndimage.binary_dilation(ignore, iterations=2)
    room = ndimage.distance_transform_edt(free, sampling=spacing).astype(np.float32)
    room[~where] = 0
    return np.asarray(room)
