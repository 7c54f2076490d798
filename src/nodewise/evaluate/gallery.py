"""Photographs: a place in three planes with contours, and a map of stations at several levels; left is at the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.image.window import SOFT_TISSUE, window
from nodewise.values.grid import Floats, Grid, Point
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from PIL import Image

FIELD_MM = 64.0
TRUTH, PREDICTION = (255, 216, 77), (77, 181, 255)
_PIXELS = 160
_THROUGH_MM = 0.8  # no blur across slices
_PLANES = (("axial", 2), ("coronal", 1), ("sagittal", 0))
_MARGIN_MM = 12.0
_LEVEL_PIXELS = 230
_PALETTE = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (120, 130, 255),
    (150, 220, 120), (255, 150, 150), (180, 140, 90), (0, 200, 200), (200, 200, 200),
)  # fmt: skip


def three_planes(ct: Volume, centre_mm: Point, outlines: Sequence[tuple[Volume, tuple[int, int, int]]]) -> Image.Image:
    """Axial, coronal and sagittal cut of 64 mm through a point, side by side, soft-tissue window.

    Args:
        ct: HU.
        centre_mm: LPS.
        outlines: label maps of which everything above 0 is outlined, each with its colour.
    """
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (3 * _PIXELS + 8, _PIXELS))
    for place, (_, through) in enumerate(_PLANES):
        grid = _cut(centre_mm, through)
        hu = _picture(resample(ct, grid).array, through)
        grey = (255 * window(hu, *SOFT_TISSUE) + 0.5).astype(np.uint8)
        image = Image.fromarray(np.repeat(grey[..., None], 3, axis=2))
        draw = ImageDraw.Draw(image)
        for labels, colour in outlines:
            for loop in _loops(_picture(resample(labels, grid).array, through) > 0):
                draw.line([(float(x), float(y)) for x, y in loop], fill=colour, width=1)
        strip.paste(image, (place * (_PIXELS + 4), 0))
    return strip


def station_levels(ct: Volume, stations: Volume, heights_mm: Sequence[float], low: Floats, high: Floats) -> Image.Image:
    """Axial slices with a map of ``Station.label`` in colour, each station's code at its middle.

    Args:
        ct: HU.
        stations: LABEL, on any grid.
        heights_mm: LPS z of the slices, from left to right.
        low: LPS corner of what is shown.
        high: the other.
    """
    from PIL import Image, ImageDraw

    across = float(max(high[0] - low[0], high[1] - low[1])) + 2 * _MARGIN_MM
    middle = (low + high) / 2
    strip = Image.new("RGB", (len(heights_mm) * (_LEVEL_PIXELS + 4) - 4, _LEVEL_PIXELS))
    for place, z in enumerate(heights_mm):
        grid = _square((float(middle[0]), float(middle[1]), z), 2, across, _LEVEL_PIXELS)
        grey = 255 * window(resample(ct, grid).array[:, :, 0].T, *SOFT_TISSUE)
        labels = resample(stations, grid).array[:, :, 0].T
        image = Image.fromarray(_coloured(grey, labels))
        draw = ImageDraw.Draw(image)
        for label in [int(n) for n in np.unique(labels) if n]:
            y, x = np.argwhere(labels == label).mean(axis=0).tolist()
            code = Station.of_label(label).code
            draw.text((x, y), code, fill="white", font_size=11, anchor="mm", stroke_width=1, stroke_fill="black")
        draw.text((4, 3), f"z {z:.0f} mm", fill="white", font_size=10, stroke_width=1, stroke_fill="black")
        strip.paste(image, (place * (_LEVEL_PIXELS + 4), 0))
    return strip


def heights_of(stations: Volume, levels: int) -> tuple[list[float], Floats, Floats]:
    """``levels`` heights from the head down through a map, evenly spread, and the corners of what it covers; LPS mm.

    Raises:
        ValueError: the map is empty.
    """
    there = np.argwhere(stations.array > 0)
    if not there.size:
        raise ValueError("a map without any station covers nothing")
    ends = stations.grid.to_lps(np.stack([there.min(axis=0), there.max(axis=0)]))
    low, high = ends.min(axis=0), ends.max(axis=0)
    share = (np.arange(levels) + 0.5) / levels
    return (high[2] - share * (high[2] - low[2])).tolist(), low, high


def colours() -> Mapping[int, tuple[int, int, int]]:
    """A colour a station label, neighbours apart."""
    return {s.label: _PALETTE[s.label % len(_PALETTE)] for s in Station if s.label}


def _coloured(grey: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    table = np.zeros((max(s.label for s in Station) + 1, 3), np.float32)
    for label, colour in colours().items():
        table[label] = colour
    out = np.repeat(grey[..., None], 3, axis=2)
    there = labels > 0
    out[there] = 0.6 * out[there] + 0.4 * table[labels[there]]
    return out.round().astype(np.uint8)


def _cut(centre_mm: Point, through: int) -> Grid:
    return _square(centre_mm, through, FIELD_MM, _PIXELS)


def _square(centre_mm: Point, through: int, side_mm: float, pixels: int) -> Grid:
    """One slice of square pixels along the patient's axes."""
    shape = [1 if axis == through else pixels for axis in range(3)]
    spacing = [_THROUGH_MM if axis == through else side_mm / pixels for axis in range(3)]
    origin = [c - (n - 1) / 2 * s for c, n, s in zip(centre_mm, shape, spacing, strict=True)]
    return Grid.of(
        (shape[0], shape[1], shape[2]), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2])
    )


def _picture(array: npt.NDArray[Any], through: int) -> npt.NDArray[Any]:
    """(rows, columns): the back is down in an axial cut, the head up in the others, the front left in the last."""
    flat = np.squeeze(array, axis=through).T
    return flat if through == 2 else flat[::-1]


def _loops(mask: npt.NDArray[np.bool_]) -> list[Floats]:
    from contourpy import contour_generator

    found: Any = contour_generator(z=np.pad(mask, 1).astype(np.float32)).lines(0.5)  # the form depends on its settings
    return [np.asarray(loop) - 1 for loop in found]


def alone(labels: Volume, label: int) -> Volume:
    """The map with one label alone."""
    return Volume(labels.array == label, labels.grid, Quantity.MASK)


def middle_of(mask: Volume) -> Point:
    """The voxel of a mask that is nearest to its centroid, LPS mm: a bent one does not hold its own."""
    there = np.argwhere(mask.array)
    apart = np.linalg.norm((there - there.mean(axis=0)) * mask.grid.spacing, axis=1)
    x, y, z = mask.grid.to_lps(there[apart.argmin()]).tolist()
    return (x, y, z)
