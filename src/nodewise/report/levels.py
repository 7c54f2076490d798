"""The station map over the CT at six levels, as P1's Figure 2 shows it: radiological convention, in millimetres."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.components import components
from nodewise.image.resample import resample
from nodewise.image.window import SOFT_TISSUE
from nodewise.report.figures import Xy, jpeg, loops, windowed
from nodewise.values.assessment import Assessment
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.station import Side, Station
from nodewise.values.volume import Volume

LEVELS = 6
MARGIN_MM = 12.0
PIXEL_MM = 0.6
LEAST_MM2 = 25.0  # a smaller area is drawn, but has no room for its name
_ZONES = ("1", "2", "3a", "3p", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14")


@dataclass(frozen=True, slots=True)
class Area:
    """A station in one level: outline as SVG path data, colour ``#rrggbb``, place of its name or None; mm."""

    code: str
    colour: str
    path: str
    label_at: Xy | None


@dataclass(frozen=True, slots=True)
class Level:
    """One axial picture; ``z_mm`` is its height (LPS), ``above_carina_mm`` the same from the carina or None."""

    jpeg: bytes
    width_mm: float
    height_mm: float
    z_mm: float
    above_carina_mm: float | None
    areas: tuple[Area, ...]


def levels(assessment: Assessment) -> tuple[Level, ...]:
    """At most six axial pictures from the highest to the lowest station, head first; none without a station map."""
    stations = assessment.anatomy.stations
    if stations is None or not stations.array.any():
        return ()
    ct, around = assessment.study.ct, Box.around(stations.array > 0)
    ends = stations.grid.to_lps(np.array([around.start, np.array(around.stop) - 1]))
    low, high = ends.min(axis=0) - MARGIN_MM, ends.max(axis=0) + MARGIN_MM
    box = ct.grid.box_around(low, high)
    if min(box.shape) == 0:
        return ()
    carina = assessment.anatomy.landmarks.get("carina")
    zero = carina.lps_mm[2] if carina and carina.lps_mm else None
    bottom, top = ends.min(axis=0)[2], ends.max(axis=0)[2]
    heights = top - (top - bottom) * (np.arange(LEVELS) + 0.5) / LEVELS
    middle = (low + high) / 2
    nearest = np.rint(ct.grid.to_index([(middle[0], middle[1], z) for z in heights])[:, 2]).astype(int)
    slices = np.clip(nearest, box.start[2], box.stop[2] - 1).tolist()
    return tuple(_level(ct, stations, box, k, zero) for k in dict.fromkeys(slices))


def colour_of_station(station: Station) -> str:
    """A hue for each zone, darker on the right; the same in every picture."""
    hue = (_ZONES.index(station.zone) * 0.381966) % 1.0  # neighbours in the list lie a golden angle apart
    value = 0.8 if station.side is Side.RIGHT else 1.0
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, value))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _level(ct: Volume, stations: Volume, box: Box, k: int, carina_z: float | None) -> Level:
    flat = Box((box.start[0], box.start[1], k), (box.stop[0], box.stop[1], k + 1))
    grid = ct.grid.crop(flat)
    labels = resample(stations, grid).array[:, :, 0]
    x, y, _ = grid.spacing
    z = float(grid.to_lps((np.array(grid.shape) - 1) / 2)[2])
    return Level(
        jpeg=jpeg(windowed(_enlarged(np.asarray(ct.array[flat.slices][:, :, 0], np.float32), grid), SOFT_TISSUE)),
        width_mm=grid.shape[0] * x,
        height_mm=grid.shape[1] * y,
        z_mm=z,
        above_carina_mm=None if carina_z is None else z - carina_z,
        areas=tuple(_areas(labels, grid)),
    )


def _enlarged(hu: npt.NDArray[np.float32], grid: Grid) -> npt.NDArray[np.float32]:
    """HU (rows, columns) in pixels of about ``PIXEL_MM``."""
    zoom = [max(1.0, s / PIXEL_MM) for s in grid.spacing[:2]]
    return np.asarray(ndimage.zoom(hu, zoom, order=1, grid_mode=True, mode="nearest"), np.float32).T


def _areas(labels: npt.NDArray[np.integer], grid: Grid) -> Iterator[Area]:
    x, y, _ = grid.spacing
    for label in np.unique(labels[labels > 0]).tolist():
        station, inside = Station.of_label(label), labels == label
        steps = (" ".join(f"{(i + 0.5) * x:.1f},{(j + 0.5) * y:.1f}" for i, j in loop) for loop in loops(inside))
        path = "".join(f"M{words}Z" for words in steps)
        yield Area(station.code, colour_of_station(station), path, _roomiest(inside, x, y))


def _roomiest(inside: npt.NDArray[np.bool_], x: float, y: float) -> Xy | None:
    """Where the largest part of an area is widest, mm; None where it is small."""
    parts, _ = components(np.asfortranarray(inside[:, :, None]))
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    if counts.max() * x * y < LEAST_MM2:
        return None
    depth = ndimage.distance_transform_edt(np.pad(parts[:, :, 0] == counts.argmax(), 1), sampling=(x, y))[1:-1, 1:-1]
    i, j = np.unravel_index(int(depth.argmax()), depth.shape)
    return (float((i + 0.5) * x), float((j + 0.5) * y))
