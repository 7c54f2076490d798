"""All nodes at a glance: a soft coronal projection of the chest with a mark and a label for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.image.window import Window
from nodewise.report.figures import jpeg, windowed
from nodewise.values.anatomy import Anatomy
from nodewise.values.assessment import Assessment
from nodewise.values.box import Box
from nodewise.values.grid import Floats
from nodewise.values.node import Finding
from nodewise.values.volume import Volume

SLAB_MM = 40.0  # thick enough for the airway's course, thin enough to leave ribs and heart out
_MARGIN_MM = np.array([25.0, 0.0, 15.0])
_AIRWAYS_TO_BONE = Window(level=-300, width=1400)
_LABEL_MM = 7.5  # height of a label's line
_COLOURS = np.array(
    [[74, 163, 223], [240, 215, 130], [232, 88, 40]]
)  # blue, sand, vermilion: told apart by colour-blind
Xy = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One node in the overview; ``label_at_mm`` is the height of its label beside the picture, None without one."""

    id: int
    at: Xy
    colour: str
    station: str
    on_right: bool
    label_at_mm: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The projection, radiological convention (patient's left at the right); places in mm from its top left corner."""

    jpeg: bytes
    width_mm: float
    height_mm: float
    marks: tuple[Mark, ...]
    carina: Xy | None
    slab_mm: float


def colour_of(probability: float) -> str:
    """The colour of a probability of malignancy, ``#rrggbb``."""
    red, green, blue = (round(float(np.interp(probability, (0, 0.5, 1), channel))) for channel in _COLOURS.T)
    return f"#{red:02x}{green:02x}{blue:02x}"


def overview(assessment: Assessment) -> Overview:
    """Projection of a slab through the carina, or through the middle of the mediastinum where none was found."""
    ct, anatomy = assessment.study.ct, assessment.anatomy
    low, high = _field(anatomy, assessment.findings)
    box = ct.grid.box_around(low - _MARGIN_MM, high + _MARGIN_MM)
    if min(box.shape) == 0:  # a mediastinum that is not in the scan
        box = Box((0, 0, 0), ct.grid.shape)
    carina = anatomy.landmarks.get("carina")
    at = carina.lps_mm if carina and carina.lps_mm else tuple((low + high) / 2)
    slab = _slab(ct, box, float(ct.grid.to_index(at)[1]))
    spacing = np.asarray(ct.grid.spacing)
    width, _, height = (np.asarray(box.shape) * spacing).tolist()

    def place(lps_mm: tuple[float, float, float]) -> Xy:
        index = ct.grid.to_index(lps_mm) - np.asarray(box.start) + 0.5
        return (float(index[0] * spacing[0]), height - float(index[2] * spacing[2]))

    return Overview(
        jpeg=jpeg(_projection(ct.crop(slab), width, height), quality=86),
        width_mm=width,
        height_mm=height,
        marks=_marks([(f, place(f.centroid_lps_mm)) for f in assessment.findings], width, height),
        carina=place(carina.lps_mm) if carina and carina.lps_mm else None,
        slab_mm=slab.shape[1] * float(spacing[1]),
    )


def _field(anatomy: Anatomy, findings: Sequence[Finding]) -> tuple[Floats, Floats]:
    points = [anatomy.mediastinum.low_mm, anatomy.mediastinum.high_mm, *(f.centroid_lps_mm for f in findings)]
    return np.min(points, axis=0), np.max(points, axis=0)


def _slab(ct: Volume, box: Box, middle: float) -> Box:
    n, half = ct.grid.shape[1], SLAB_MM / 2 / ct.grid.spacing[1]
    middle = min(max(middle, 0), n - 1)
    first = max(0, round(middle - half))
    last = min(n, max(round(middle + half), first + 1))
    return Box((box.start[0], first, box.start[2]), (box.stop[0], last, box.stop[2]))


def _projection(slab: Volume, width: float, height: float) -> npt.NDArray[np.uint8]:
    """Mean, with some of the darkest and the brightest so that airways and vessels stand out; rows from the head down.

    About 1.5 mm are enough for the projection, 0.5 mm a pixel for the picture.
    """
    from PIL import Image

    steps = [max(1, int(1.5 / s)) for s in slab.grid.spacing]
    steps[2] = 1
    hu = np.clip(slab.array[tuple(slice(None, None, s) for s in steps)], -1000, 500)
    soft = 0.5 * hu.mean(axis=1) + 0.25 * hu.min(axis=1) + 0.25 * hu.max(axis=1)
    grey = windowed(soft.astype(np.float32), _AIRWAYS_TO_BONE).T[::-1]
    grey = np.rint(255 * (grey / 255) ** 1.5).astype(np.uint8)  # soft tissue mid-grey, for the marks to stand out
    size = (max(1, round(width * 2)), max(1, round(height * 2)))
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC))


def _marks(places: Sequence[tuple[Finding, Xy]], width: float, height: float) -> tuple[Mark, ...]:
    """Marks with labels in a column on either side, the most suspicious first where there is no room for all."""
    room = max(1, int(height / _LABEL_MM))
    suspicious = sorted(places, key=lambda place: -place[0].malignancy.probability)
    label_at: dict[int, float] = {}
    for right in (False, True):
        column = [(f.node.id, at[1]) for f, at in suspicious if (at[0] > width / 2) is right][:room]
        label_at |= _spread(column, height)
    return tuple(
        Mark(
            id=finding.node.id,
            at=at,
            colour=colour_of(finding.malignancy.probability),
            station=finding.station.station.code,
            on_right=at[0] > width / 2,
            label_at_mm=label_at.get(finding.node.id),
        )
        for finding, at in reversed(suspicious)  # the most suspicious is drawn last, on top
    )


def _spread(wanted: Sequence[tuple[int, float]], height: float) -> dict[int, float]:
    """Heights near those wanted, in their order, at least a line apart and inside the picture."""
    ordered = sorted(wanted, key=lambda pair: pair[1])
    heights: list[float] = []
    for _, y in ordered:
        heights.append(max(y, heights[-1] + _LABEL_MM if heights else _LABEL_MM / 2))
    limit = height - _LABEL_MM / 2
    for n in reversed(range(len(heights))):
        heights[n] = min(heights[n], limit)
        limit = heights[n] - _LABEL_MM
    return {name: y for (name, _), y in zip(ordered, heights, strict=True)}
