"""The axial slice through a node that went wrong: kept small while the case is read, pictured at the end."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.image.window import SOFT_TISSUE, window
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.volume import Volume

FIELD_MM = 80.0
_PIXELS = 320  # across a picture of the CT
_NO_CT = 64  # dark grey
Kind = Literal["missed", "false"]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One slice around a node.

    Attributes:
        kind: a true node that was missed, or a predicted one that hits nothing.
        node: its id; size_mm: its short axis.
        grid: of the slice, (nx, ny, 1).
        truth, prediction: (nx, ny) all nodes of either in it.
        at_mm: height of the slice, LPS.
    """

    kind: Kind
    node: int
    size_mm: float
    grid: Grid
    truth: Mask
    prediction: Mask
    at_mm: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A slice in millimetres from its top left corner: the CT as a data address, outlines as SVG paths."""

    image: str
    width_mm: float
    height_mm: float
    truth: str
    prediction: str
    has_ct: bool


def crop_of(kind: Kind, node: int, size_mm: float, box: Box, truth: Volume, prediction: Volume) -> Crop:
    """The slice where the instance in ``box`` is largest, 80 mm wide or as wide as the node needs.

    Args:
        kind: of what went wrong.
        node: label of the instance, in ``truth`` where it was missed and in ``prediction`` where it is false.
        size_mm: its short axis.
        box: that holds it.
        truth: label map of instances.
        prediction: the same, on the same grid.
    """
    grid, labels = truth.grid, (truth if kind == "missed" else prediction).array
    area = np.count_nonzero(labels[box.slices] == node, axis=(0, 1))
    z = box.start[2] + int(area.argmax())
    spacing = np.asarray(grid.spacing)
    across = max(FIELD_MM, 1.4 * float((np.asarray(box.shape) * spacing)[:2].max()))
    half = np.ceil(across / 2 / spacing).astype(int)
    middle = (np.asarray(box.start) + np.asarray(box.stop)) // 2
    start, stop = (middle - half).tolist(), (middle + half).tolist()
    view = Box((start[0], start[1], z), (stop[0], stop[1], z + 1)).clipped(grid.shape)
    return Crop(
        kind=kind,
        node=node,
        size_mm=size_mm,
        grid=grid.crop(view),
        truth=truth.array[view.slices][:, :, 0] > 0,
        prediction=prediction.array[view.slices][:, :, 0] > 0,
        at_mm=float(grid.to_lps(middle * (1, 1, 0) + (0, 0, z))[2]),
    )


def picture(crop: Crop, ct: Volume | None) -> Picture:
    """The slice with both outlines, on the CT where there is one and on plain grey where there is not."""
    width, height = (float(n * s) for n, s in zip(crop.grid.shape[:2], crop.grid.spacing[:2], strict=True))
    if ct is None:
        grey = np.full((2, 2), _NO_CT, np.uint8)
    else:
        hu = resample(ct, crop.grid).array[:, :, 0].T
        grey = (255 * window(hu, *SOFT_TISSUE) + 0.5).astype(np.uint8)
    return Picture(
        image=_jpeg(grey, _PIXELS, max(1, round(_PIXELS * height / width))),
        width_mm=width,
        height_mm=height,
        truth=_outline(crop.truth, crop.grid),
        prediction=_outline(crop.prediction, crop.grid),
        has_ct=ct is not None,
    )


def _jpeg(grey: npt.NDArray[np.uint8], width: int, height: int) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)
    image.save(buffer, format="JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _outline(mask: Mask, grid: Grid) -> str:
    """The border between voxels inside and outside, in mm, as SVG path data."""
    from contourpy import contour_generator

    padded = np.pad(mask, 1).astype(np.float32)
    x = (np.arange(padded.shape[0]) - 0.5) * grid.spacing[0]
    y = (np.arange(padded.shape[1]) - 0.5) * grid.spacing[1]
    lines: Any = contour_generator(x, y, padded.T).lines(0.5)  # the form depends on its settings
    return "".join("M" + "L".join(f"{a:.2f} {b:.2f}" for a, b in line) + "Z" for line in lines)
