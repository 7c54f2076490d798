"""What a real scan looks like: fat, muscle, blood, contrast phase, sharpness; and how dense a node in it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.components import boxes, components
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Look:
    """Measures of one scan.

    Attributes:
        fat_hu, muscle_hu: the commonest density of each.
        blood_hu: of the large vessels, None where none could be told.
        enhanced: whether contrast medium was given.
        blur_mm: standard deviation of the point spread along each array axis.
        noise_hu, fat_noise_hu: standard deviation in even soft tissue and in pure fat, from the median absolute
            deviation.
    """

    fat_hu: float
    muscle_hu: float
    blood_hu: float | None
    enhanced: bool
    blur_mm: Point
    noise_hu: float
    fat_noise_hu: float

    def node_hu(self, rng: np.random.Generator) -> float:
        """A lymph node's density in this phase: 22 to 48 HU without contrast medium, 45 to 100 with."""
        if not self.enhanced:
            high = min(self.muscle_hu - 4, 46.0)
            return float(np.clip(rng.uniform(high - 16, high), 24, 46))
        return float(np.clip(self.muscle_hu + rng.uniform(-4, 40), 47, 98))

    def vessel_hu(self, rng: np.random.Generator) -> float:
        """A small vessel's density: that of blood, less where it is a vein or not yet filled."""
        if not self.enhanced or self.blood_hu is None:
            return float(np.clip(self.muscle_hu - rng.uniform(-2, 18), 28, 55))
        return float(rng.uniform(0.4, 0.95) * self.blood_hu)


def tissue_peaks(slab: Image, wall: Mask) -> tuple[float, float]:
    """The commonest HU of fat, and of muscle in ``wall``.

    Raises:
        BadInputError: there is no fat to speak of.
    """
    smooth = ndimage.uniform_filter(slab, (3, 3, 1))
    fat, fat_count = _peak(smooth, -150, -50)
    soft = int(((smooth > 0) & (smooth < 100)).sum())
    if fat_count < max(500, 0.01 * soft):
        raise BadInputError("too little fat to implant into: give a scan whose fields show fat about the organs")
    muscle, count = _peak(smooth[wall], 20, 90)
    if count < 500:
        muscle, count = _peak(smooth, 20, 90)
    if count < 500:
        raise BadInputError("no muscle to compare with: give a CT of the trunk or neck, in HU")
    return fat, muscle


def _peak(values: Image, low: float, high: float) -> tuple[float, int]:
    """Mode of ``values`` between two HU, and how many lie within 20 HU of it."""
    counts, edges = np.histogram(values, bins=np.arange(low, high + 1.0, 2.0))
    at = int(ndimage.gaussian_filter1d(counts.astype(float), 2.5).argmax())
    mode = float(edges[at] + 1.0)
    return mode, int(counts[max(0, at - 10) : at + 11].sum())


def blood(
    smooth: Image, inside: Mask, aorta: Mask, muscle_hu: float, noise_hu: float, spacing: Point
) -> tuple[float | None, bool]:
    """Density of the large vessels and whether it is enhanced.

    Enhanced blood is even over 3 mm, bone never is: its local standard deviation was 37 HU and more in real scans.

    Args:
        smooth: denoised HU.
        inside: where vessels are looked for.
        aorta: where it is known to be.
        muscle_hu: of the same scan.
        noise_hu: of the same scan.
        spacing: mm.
    """
    known = float(np.median(smooth[aorta])) if aorta.sum() > 50 else None
    width = 3.0 / np.asarray(spacing)
    low = np.clip(smooth, -200, 900)
    mean = ndimage.gaussian_filter(low, width, truncate=2.0)
    square = ndimage.gaussian_filter(low * low, width, truncate=2.0) - mean * mean
    even = inside & (mean > muscle_hu + 40) & (mean < 700) & (square < (18 + 0.15 * noise_hu) ** 2)
    # Where the aorta is known to be dark, only a pulmonary phase is left: its trunk alone holds over 20 ml.
    dark = known is not None and known <= muscle_hu + 35
    if float(even.sum()) * float(np.prod(spacing)) > (5000.0 if dark else 400.0):
        level = float(np.median(smooth[even]))
        return max(level, known or level), True
    if known is not None:
        return known, known > muscle_hu + 35
    small = _small_vessels(smooth, inside, muscle_hu, spacing)
    return (None, False) if small is None else (small, True)


def _small_vessels(smooth: Image, inside: Mask, muscle_hu: float, spacing: Point) -> float | None:
    """Density of enhanced vessels too thin to be even: bright parts over 400 mm³ without bone's dense rim."""
    bright = ndimage.binary_opening(smooth > muscle_hu + 70)
    labels, _ = components(np.asfortranarray(bright))
    levels = []
    for label, (box, count) in boxes(labels).items():
        if count * float(np.prod(spacing)) < 400.0:
            continue
        own = labels[box.slices] == label
        values = smooth[box.slices][own & inside[box.slices]]
        if values.size > 0.3 * count and np.quantile(smooth[box.slices][own], 0.98) < 450:
            levels.append(values)
    return float(np.median(np.concatenate(levels))) if levels else None


def edge_blur(slab: Image, spacing: Point) -> Point:
    """Standard deviation in mm of the point spread along each axis, from 20–80 % widths of air and lung borders.

    The lower quartile is taken, as most borders are crossed aslant. An axis without borders gets that of its slices.
    """
    found = [_axis_blur(slab, axis, h) for axis, h in enumerate(spacing)]
    plane = [f for f in found[:2] if f is not None]
    inner = float(np.mean(plane)) if plane else 0.6 * max(spacing[:2])
    inner = float(np.clip(inner, 0.36 * max(spacing[:2]), 1.6))
    through = found[2] if found[2] is not None else 0.36 * spacing[2]
    return inner, inner, float(np.clip(through, max(0.36 * spacing[2], 0.6 * inner), 0.8 * spacing[2] + 0.6))


def _axis_blur(slab: Image, axis: int, step: float) -> float | None:
    reach = max(3, int(np.ceil(5.0 / step)))
    lines = np.moveaxis(slab, axis, -1)
    if lines.shape[-1] < 2 * reach + 2:
        return None
    core = lines[..., reach:-reach]
    rise = (core[..., :-1] < -450) & (core[..., 1:] >= -450)
    places = np.argwhere(rise)
    if len(places) < 50:
        return None
    places = places[:: max(1, len(places) // 20000)]
    window = np.arange(2 * reach)
    profile = lines[places[:, 0, None], places[:, 1, None], places[:, 2, None] + 1 + window]
    low, high = profile[:, :2].mean(axis=1), profile[:, -2:].mean(axis=1)
    fits = (low < -780) & (high > -160) & (high < 150)
    share = (profile[fits] - low[fits, None]) / (high - low)[fits, None]
    if len(share) < 50:
        return None
    width = (_crossing(share, 0.8) - _crossing(share, 0.2)) * step
    return float(np.quantile(width[width > 0], 0.25)) / 1.683  # Φ⁻¹(0.8) − Φ⁻¹(0.2)


def _crossing(share: npt.NDArray[np.floating], level: float) -> npt.NDArray[np.float64]:
    """Where each rising row first passes ``level``, in samples."""
    after = np.maximum((share >= level).argmax(axis=1), 1)
    row = np.arange(len(share))
    a, b = share[row, after - 1], share[row, after]
    return np.asarray(after - 1 + (level - a) / np.maximum(b - a, 1e-6), np.float64)
