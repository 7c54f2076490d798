"""Pictures of one node: axial, coronal and sagittal CT with contours and axes, in millimetres.

Radiological convention: the patient's left is at the picture's right, anterior at the top of an axial picture and at
the left of a sagittal one. The CT is a JPEG; all that is drawn over it is kept as vectors, so that it stays sharp and
can be hidden.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.image.window import SOFT_TISSUE, Window, window
from nodewise.values.grid import Floats, Grid
from nodewise.values.node import Finding, Node, Segment
from nodewise.values.study import Study
from nodewise.values.volume import Volume

FIELD_MM = 80.0
SCALE_BAR_MM = 20.0
_PIXELS = 320  # 0.25 mm each in a picture of 80 mm
_FINER = 3  # a contour is drawn on voxels cut in this many parts along each axis
_ROUNDING = 0.35  # standard deviation in voxels; more would lose nodes of a single voxel
Xy = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plane:
    """Which array axes a picture shows: ``across`` to the right, ``down`` (up where ``sign`` is −1), ``through`` it.

    ``letters`` stand at its left, right, top and bottom edge.
    """

    name: str
    across: int
    down: int
    through: int
    sign: int
    letters: tuple[str, str, str, str]


AXIAL = Plane("axial", 0, 1, 2, 1, ("R", "L", "A", "P"))
CORONAL = Plane("coronal", 0, 2, 1, -1, ("R", "L", "H", "F"))
SAGITTAL = Plane("sagittal", 1, 2, 0, -1, ("A", "P", "H", "F"))


@dataclass(frozen=True, slots=True)
class Line:
    """A measured axis in the picture's millimetres."""

    name: str
    start: Xy
    end: Xy
    length_mm: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One square picture; places in mm from its top left corner, outlines as SVG path data.

    Attributes:
        jpeg: the CT alone.
        outline: of the node; ``others`` of the other nodes in the same slice.
        at_mm: where the slice lies along the patient's axis that it cuts (LPS).
    """

    plane: Plane
    field_mm: float
    jpeg: bytes
    outline: str
    others: str
    lines: tuple[Line, ...]
    at_mm: float


@dataclass(frozen=True, slots=True)
class _View:
    """Where a picture lies: voxel index of its middle along each array axis, and its side."""

    plane: Plane
    grid: Grid
    middle: Floats
    field_mm: float

    def to_picture(self, index: npt.ArrayLike) -> Floats:
        """Picture mm (…, 2) of voxel indices (…, 3)."""
        plane, offset = self.plane, (np.asarray(index, dtype=np.float64) - self.middle) * self.grid.spacing
        return np.stack([offset[..., plane.across], plane.sign * offset[..., plane.down]], axis=-1) + self.field_mm / 2


def pictures(
    study: Study, finding: Finding, others: Sequence[Finding] = (), shades: Window = SOFT_TISSUE
) -> tuple[Picture, Picture, Picture]:
    """Axial, coronal and sagittal pictures of a node, each at least ``FIELD_MM`` wide.

    The axial one lies where the axes were measured, the other two where the node is largest.
    """
    grid, node = study.ct.grid, finding.node
    extent = float((np.asarray(node.box.shape) * grid.spacing).max())
    axial, coronal, sagittal = (
        _picture(study.ct, plane, finding, others, max(FIELD_MM, 1.4 * extent), shades)
        for plane in (AXIAL, CORONAL, SAGITTAL)
    )
    return axial, coronal, sagittal


def windowed(hu: npt.NDArray[np.float32], shades: Window) -> npt.NDArray[np.uint8]:
    """Grey values 0 to 255 of a window."""
    return np.asarray(255 * window(hu, *shades) + 0.5).astype(np.uint8)


def jpeg(grey: npt.NDArray[np.uint8], quality: int = 75) -> bytes:
    """A grey picture (rows, columns) as JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def _picture(
    ct: Volume, plane: Plane, finding: Finding, others: Sequence[Finding], field_mm: float, shades: Window
) -> Picture:
    node, axes = finding.node, finding.size
    middle = (np.asarray(node.box.start) + np.asarray(node.box.stop) - 1) / 2
    at = _slice_of(node, ct.grid, plane, axes.long_axis_lps_mm)
    middle[plane.through] = at
    view = _View(plane, ct.grid, middle, field_mm)
    named = (("long", axes.long_axis_lps_mm, axes.long_axis_mm), ("short", axes.short_axis_lps_mm, axes.short_axis_mm))
    return Picture(
        plane=plane,
        field_mm=field_mm,
        jpeg=jpeg(windowed(_sample(ct, view, at), shades)),
        outline=_outline(node, view, at),
        others="".join(_outline(other.node, view, at) for other in others if other.node.id != node.id),
        lines=tuple(_line(*parts, view) for parts in named) if plane is AXIAL else (),
        at_mm=float(ct.grid.to_lps(middle)[plane.through]),
    )


def _slice_of(node: Node, grid: Grid, plane: Plane, long_axis: Segment) -> int:
    start, stop = node.box.start[plane.through], node.box.stop[plane.through]
    if plane is AXIAL:
        k = round(float(grid.to_index(np.asarray(long_axis)).mean(axis=0)[2]))
        return min(max(k, start), stop - 1)
    area = node.mask.sum(axis=(plane.across, plane.down))
    largest = np.flatnonzero(area == area.max())
    return start + int(largest[largest.size // 2])


def _sample(ct: Volume, view: _View, at: int) -> npt.NDArray[np.float32]:
    """HU (rows, columns) of a picture; cubic within the slice, none between slices, air outside the scan."""
    from scipy import ndimage

    plane, spacing = view.plane, view.grid.spacing
    along = (np.arange(_PIXELS) + 0.5) * (view.field_mm / _PIXELS) - view.field_mm / 2
    index = {a: view.middle[a] + sign * along / spacing[a] for a, sign in ((plane.across, 1), (plane.down, plane.sign))}
    spans = {a: _span(index[a], ct.grid.shape[a]) for a in index}
    cut: list[slice | int] = [at if a == plane.through else spans[a] for a in range(3)]
    flat = np.asarray(ct.array[tuple(cut)], dtype=np.float32)  # (across, down)
    if flat.size == 0:
        return np.full((_PIXELS, _PIXELS), -1024, dtype=np.float32)
    x, y = np.meshgrid(index[plane.across] - spans[plane.across].start, index[plane.down] - spans[plane.down].start)
    sampled = ndimage.map_coordinates(flat, [x, y], order=3, mode="grid-constant", cval=-1024, prefilter=True)
    return np.asarray(sampled, dtype=np.float32)


def _span(index: Floats, n: int) -> slice:
    """The voxels that a spline at ``index`` needs."""
    return slice(min(max(int(index.min()) - 6, 0), n), max(min(int(index.max()) + 7, n), 0))


def _outline(node: Node, view: _View, at: int) -> str:
    """SVG path data of a node's outline in the slice, empty where it is not in it."""
    plane, start = view.plane, np.asarray(node.box.start)
    if not start[plane.through] <= at < node.box.stop[plane.through]:
        return ""
    flat = np.moveaxis(node.mask, plane.through, 0)[at - start[plane.through]]
    corners = view.to_picture(np.stack([start - 0.5, np.asarray(node.box.stop) - 0.5]))
    inside = (corners.max(axis=0) > 0).all() and (corners.min(axis=0) < view.field_mm).all()
    if not flat.any() or not inside:
        return ""
    parts = []
    for loop in loops(flat):
        index = np.zeros((len(loop), 3))
        index[:, plane.across], index[:, plane.down] = loop[:, 0] + start[plane.across], loop[:, 1] + start[plane.down]
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in view.to_picture(index))
        parts.append(f"M{steps}Z")
    return "".join(parts)


def loops(flat: npt.NDArray[np.bool_]) -> Iterator[Floats]:
    """Closed loops (n, 2) around the true pixels, in pixel indices, along pixel edges with their corners rounded."""
    from contourpy import contour_generator
    from scipy import ndimage

    fine = np.pad(flat, 1).repeat(_FINER, axis=0).repeat(_FINER, axis=1).astype(np.float32)
    smooth = ndimage.gaussian_filter(fine, _ROUNDING * _FINER)
    for loop in contour_generator(z=smooth.T).lines(0.5):
        yield (np.asarray(loop)[:-1] + 0.5) / _FINER - 1.5


def _line(name: str, segment: Segment, length_mm: float, view: _View) -> Line:
    (x0, y0), (x1, y1) = view.to_picture(view.grid.to_index(np.asarray(segment))).tolist()
    return Line(name, (x0, y0), (x1, y1), length_mm)
