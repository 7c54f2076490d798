"""P3's Figures 2, 3, 5 and 6: the atlas of nodes drawn over CT.

Radiological convention: the patient's left is at the picture's right; a sagittal picture looks from the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.atlas.prior import mean_of, prior_of
from nodewise.image.resample import resample
from nodewise.image.window import SOFT_TISSUE, window
from nodewise.values.atlas import Atlas
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Picture = npt.NDArray[np.float32]
Extent = tuple[float, float, float, float]

PIXEL_MM = 1.0
HIGHEST = 0.85
"""Where the colour bar of P3's Figure 5 ends."""
CONTOUR = 0.25
"""Share of the largest distance that the red line of Figure 2 is drawn at."""
FIELD_MM = 240.0
_COLOURS = "inferno"
_LETTERS = {0: ("R", "L", "A", "P"), 1: ("R", "L", "H", "F"), 2: ("A", "P", "H", "F")}
_NAMES = ("axial", "coronal", "sagittal")


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """An atlas laid over one scan: what to draw. ``carina`` is the reference's, in the scan's LPS mm."""

    title: str
    ct: Volume
    prior: Volume
    distance: Volume
    carina: Point


def own(atlas: Atlas) -> Laid:
    """The atlas over its own reference."""
    return Laid(atlas.origin.reference, background(atlas), atlas.prior, atlas.distance, atlas.carina)


def background(atlas: Atlas) -> Volume:
    """The reference's CT; where the atlas keeps none, its organs in greys."""
    if atlas.ct is not None:
        return atlas.ct
    grey = np.full(int(max(atlas.organ_names, default=0)) + 1, 40.0, np.float32)
    for label, name in atlas.organ_names.items():
        grey[label] = -800.0 if name.startswith(("lung_", "trachea", "airway")) else 60.0
        if name.startswith(("rib_", "vertebrae_", "sternum", "clavicula", "scapula")):
            grey[label] = 300.0
    grey[0] = -60.0
    return Volume(np.asfortranarray(grey[atlas.organs.array]), atlas.organs.grid, Quantity.HU)


def draw_distance(scans: Sequence[Laid], path: Path) -> None:
    """Figure 2: distance from the carina, the contour of one distance in red, the carina a red cross."""
    figure, rows = _sheet(len(scans), 3, 3.0)
    for axes, scan in zip(rows, scans, strict=True):
        for plane in range(3):
            ct, shown, extent = _slice(scan, scan.distance, scan.carina, plane)
            _over(axes[plane], ct, np.ma.masked_less_equal(shown, 0), extent, plane, highest=0.6, alpha=0.35)
            axes[plane].contour(shown, levels=[CONTOUR], colors="red", extent=extent, origin="upper", linewidths=1)
            axes[plane].plot(*_at(scan.carina, plane), "r+", markersize=9)
        axes[0].set_ylabel(scan.title, fontsize=8)
    _save(figure, "Distance from the carina in the atlas, as a share of its largest", path)


def draw_prior(scans: Sequence[Laid], path: Path) -> None:
    """Figure 3: the probability of a node, through its middle."""
    figure, rows = _sheet(len(scans), 3, 3.0)
    picture = None
    for axes, scan in zip(rows, scans, strict=True):
        where = peak(scan.prior)
        for plane in range(3):
            ct, shown, extent = _slice(scan, scan.prior, where, plane)
            picture = _over(axes[plane], ct, np.ma.masked_less(shown, 0.05), extent, plane, highest=HIGHEST)
        axes[0].set_ylabel(scan.title, fontsize=8)
    _bar(figure, picture, rows)
    _save(figure, "Probability of a lymph node", path)


def draw_sets(atlases: Sequence[Atlas], path: Path) -> None:
    """Figure 5: the priors of several sets side by side, coronal, 0 to 0.85."""
    figure, rows = _sheet(1, len(atlases), 3.6)
    picture = None
    for axes, atlas in zip(rows[0], atlases, strict=True):
        laid = own(atlas)
        ct, shown, extent = _slice(laid, atlas.prior, peak(atlas.prior), 1)
        picture = _over(axes, ct, np.ma.masked_less(shown, 0.05), extent, 1, highest=HIGHEST)
        axes.set_title(f"{atlas.origin.name}\n{len(atlas.cases)} scans", fontsize=8)
    _bar(figure, picture, rows)
    _save(figure, "Lymph nodes by set, over the reference", path)


def draw_making(atlas: Atlas, scans: Sequence[Laid], path: Path) -> None:
    """Figure 6: nodes of single scans in the reference, their mean, the atlas, and the atlas over scans."""
    grid, laid = atlas.prior.grid, own(atlas)
    busiest = sorted(atlas.cases, key=lambda case: -len(case.voxels))[:3]
    parts = [(case.name, Volume(mean_of([case], grid), grid, Quantity.PROBABILITY), 1.0) for case in busiest]
    mean = mean_of(atlas.cases, grid)
    parts.append((f"mean of {len(atlas.cases)}", Volume(mean, grid, Quantity.PROBABILITY), float(mean.max()) or 1.0))
    parts.append(("smoothed, scaled", prior_of(atlas.cases, grid), HIGHEST))
    figure, rows = _sheet(1, len(parts) + len(scans[:2]), 2.6)
    for axes, (title, volume, highest) in zip(rows[0], parts, strict=False):
        ct, _, extent = _slice(laid, volume, peak(atlas.prior), 1)
        shown = _deepest(volume, peak(atlas.prior))
        _over(axes, ct, np.ma.masked_less(shown, 0.02 * highest), extent, 1, highest=highest)
        axes.set_title(title, fontsize=8)
    for axes, scan in zip(rows[0][len(parts) :], scans, strict=False):
        ct, shown, extent = _slice(scan, scan.prior, peak(scan.prior), 1)
        _over(axes, ct, np.ma.masked_less(shown, 0.05), extent, 1, highest=HIGHEST)
        axes.set_title(f"laid over {scan.title}", fontsize=8)
    _save(figure, "From labelled scans to the atlas, and from the atlas to a patient (coronal)", path)


def peak(prior: Volume) -> Point:
    """The middle of where the prior is at least half its largest value, LPS mm."""
    high = np.argwhere(prior.array >= 0.5 * max(float(prior.array.max()), 1e-6))
    x, y, z = prior.grid.to_lps(high.mean(axis=0) if len(high) else (np.array(prior.grid.shape) - 1) / 2).tolist()
    return (x, y, z)


def _plane(middle: Point, plane: int, thick: int = 1) -> Grid:
    """A lattice of 1 mm, ``thick`` voxels deep, through a point: 0 axial, 1 coronal, 2 sagittal."""
    through = (2, 1, 0)[plane]
    n = int(FIELD_MM / PIXEL_MM)
    shape = tuple(thick if axis == through else n for axis in range(3))
    start = [c - (s - 1) / 2 * PIXEL_MM for c, s in zip(middle, shape, strict=True)]
    return Grid.of((shape[0], shape[1], shape[2]), (PIXEL_MM,) * 3, (start[0], start[1], start[2]))


def _slice(scan: Laid, volume: Volume, middle: Point, plane: int) -> tuple[Picture, Picture, Extent]:
    """CT in greys and the map on one plane, rows downwards, and where its edges lie in mm."""
    grid = _plane(middle, plane)
    through = (2, 1, 0)[plane]
    ct, shown = (np.take(resample(v, grid).array, 0, axis=through) for v in (scan.ct, volume))
    across, down = [axis for axis in range(3) if axis != through]
    low = np.asarray(grid.origin) - PIXEL_MM / 2
    high = low + FIELD_MM
    upward = down == 2
    pictures = [np.flipud(part.T) if upward else part.T for part in (ct, shown)]
    ends = (low[down], high[down]) if upward else (high[down], low[down])
    extent = (float(low[across]), float(high[across]), float(ends[0]), float(ends[1]))
    return window(pictures[0], *SOFT_TISSUE), pictures[1], extent


def _deepest(volume: Volume, middle: Point) -> Picture:
    """The largest value along y within 120 mm, as a coronal picture: single nodes rarely lie in one plane."""
    return np.asarray(np.flipud(resample(volume, _plane(middle, 1, thick=121)).array.max(axis=1).T))


def _at(point: Point, plane: int) -> tuple[float, float]:
    across, down = [axis for axis in range(3) if axis != (2, 1, 0)[plane]]
    return point[across], point[down]


def _over(
    axes: Axes, ct: Picture, shown: Any, extent: Extent, plane: int, *, highest: float, alpha: float = 0.6
) -> Any:
    from matplotlib import patheffects

    axes.imshow(ct, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="bilinear")
    picture = axes.imshow(shown, cmap=_COLOURS, vmin=0, vmax=highest, alpha=alpha, extent=extent)
    outline = [patheffects.withStroke(linewidth=1.5, foreground="black")]  # white letters may lie on bone
    axes.set_xticks([])
    axes.set_yticks([])
    places = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.97), (0.5, 0.03))
    for letter, (x, y) in zip(_LETTERS[plane], places, strict=True):
        across = "left" if x < 0.1 else "right" if x > 0.9 else "center"
        down = "top" if y > 0.9 else "bottom" if y < 0.1 else "center"
        axes.text(
            x, y, letter, color="white", fontsize=7, path_effects=outline, transform=axes.transAxes, ha=across, va=down
        )
    return picture


def _sheet(rows: int, columns: int, side: float) -> tuple[Figure, npt.NDArray[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * columns, side * rows + 0.5), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _bar(figure: Figure, picture: Any, rows: npt.NDArray[Any]) -> None:
    figure.colorbar(picture, ax=rows.ravel().tolist(), shrink=0.8)


def _save(figure: Figure, title: str, path: Path) -> None:
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=130, metadata={"Software": None})
