"""The true station map, from the drawn anatomy by the borders of the IASLC map (Rusch et al. 2009)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from nodewise.phantom.chest.borders import Borders, across
from nodewise.phantom.draw.shapes import Axes, Floats
from nodewise.values.station import Station

Labels = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]


class _Draft:
    """Labels of points; what was named first stays."""

    def __init__(self, lps: Floats) -> None:
        self.x, self.y, self.z = lps.T
        self.lps = lps
        self.labels = np.zeros(len(lps), np.uint8)

    def put(self, where: _Mask, station: Station) -> None:
        self.labels[where & (self.labels == 0)] = station.label


def stations_at(lps: Floats, b: Borders) -> Labels:
    """The station's label at points (n, 3) of the mediastinum, LPS mm; 0 where none is defined."""
    draft = _Draft(lps)
    _upper(draft, b)
    _lower(draft, b)
    _hilar(draft, b)
    return draft.labels


def _upper(d: _Draft, b: Borders) -> None:
    """Stations 1 to 6, above the carina or the left pulmonary artery."""
    x, y, z, h = d.x, d.y, d.z, b.z
    tx, ty, tr = across(b.trachea, z)
    chest = z <= h["manubrium"]
    neck = ~chest & (z <= h["cricoid"]) & (np.abs(x - tx) < 62) & (y < ty + 26)
    d.put(neck & (x <= tx), Station.S1R)
    d.put(neck & (x > tx), Station.S1L)
    above = chest & (z >= h["carina"])
    oy = across(b.oesophagus, z)[1]
    d.put(above & (y > ty + tr) & (y < oy + 16) & (np.abs(x - tx) < tr + 12), Station.S3P)
    side = _outer_side(d.lps, b)
    at_arch = (z > h["arch_low"]) & (z <= h["arch_top"])
    before_end = y < b.arch[-1, 1]
    d.put(at_arch & side & before_end, Station.S6)
    d.put(above & _prevascular(d, b), Station.S3A)
    left = x > tx + tr
    beside = chest & (np.abs(x - tx) < tr + 32) & (y <= ty + tr + 12)
    d.put(beside & ~left & (z > h["vein_cross"]), Station.S2R)
    d.put(beside & left & (z > h["arch_top"]), Station.S2L)
    d.put(beside & ~left & (z > h["azygos_low"]), Station.S4R)
    window = (z > h["lung_artery"]) & (z <= h["arch_low"])
    lx = across(b.ligament, z)[0]
    ay = across(b.ascending, z)[1]
    d.put(window & (x > lx) & (x > tx + tr) & (y > ay) & (y < b.arch[-1, 1] + 8), Station.S5)
    d.put(beside & left & (z > h["lung_artery"]) & (z <= h["arch_top"]) & ((z > h["arch_low"]) | (y > ay)), Station.S4L)


def _outer_side(lps: Floats, b: Borders) -> _Mask:
    """Whether a point lies beside the arch on its outer side: to the left and in front of its centre line."""
    far, nearest = cKDTree(b.arch[:, :2]).query(lps[:, :2])
    way = np.gradient(b.arch[:, :2], axis=0)
    gap = lps[:, :2] - b.arch[nearest, :2]
    outside = gap[:, 0] * way[nearest, 1] - gap[:, 1] * way[nearest, 0] > 0
    return np.asarray(outside & (far < b.arch_mm + 20))


def _prevascular(d: _Draft, b: Borders) -> _Mask:
    """Before a line from the upper cava's front to the left carotid's (lower down the aorta's), and the trachea."""
    cx, cy, cr = across(b.cava, d.z)
    ox, oy, r = across(b.carotid, d.z)
    ax, ay, ar = across(b.ascending, d.z)
    low = d.z <= b.z["arch_top"]
    ox, oy, r = np.where(low, ax, ox), np.where(low, ay, oy), np.where(low, ar, r)
    _, ty, tr = across(b.trachea, d.z)
    t = np.clip((d.x - cx) / np.maximum(ox - cx, 1.0), 0, 1)
    return np.asarray(d.y < np.minimum((1 - t) * (cy - cr) + t * (oy - r), ty - tr))


def _lower(d: _Draft, b: Borders) -> None:
    """Stations 7, 8 and 9, below the carina."""
    x, y, z, h = d.x, d.y, d.z, b.z
    rx, ry, _ = across(b.right, z)
    lx, ly, _ = across(b.left, z)
    ox, oy, _ = across(b.oesophagus, z)
    low = np.where(x < 0.5 * (rx + lx), h["intermediate_low"], h["left_lower"])
    between = (z < h["carina"]) & (z > low) & (x > rx) & (x < lx)
    d.put(between & (y > np.minimum(ry, ly) - 16) & (y < np.maximum(oy + 6, np.maximum(ry, ly) + 12)), Station.S7)
    gullet = np.hypot(x - ox, y - oy)
    below = z <= low
    d.put(below & (gullet < 17), Station.S8)
    beside = (gullet < 48) & (y > oy - 22) & (y < oy + 14)
    d.put(below & beside & (x <= ox) & (z < h["right_vein"]), Station.S9R)
    d.put(below & beside & (x > ox) & (z < h["left_vein"]), Station.S9L)


def _hilar(d: _Draft, b: Borders) -> None:
    """Stations 10 to 14, each the nearest bronchus's own."""
    far, nearest = cKDTree(b.branch).query(d.lps, distance_upper_bound=26.0)
    nearest = np.minimum(nearest, len(b.zone) - 1)
    zone, left = np.where(np.isfinite(far), b.zone[nearest], 0), b.on_left[nearest]
    roof = np.where(left, b.z["lung_artery"], b.z["azygos_low"])
    for number, reach in ((10, 26.0), (11, 17.0), (12, 17.0), (13, 16.0), (14, 16.0)):
        here = (zone == number) & (far < reach)
        if number == 10:
            here &= d.z <= roof
        d.put(here & ~left, Station(f"{number}R"))
        d.put(here & left, Station(f"{number}L"))


def station_map(axes: Axes, inside: _Mask, b: Borders) -> Labels:
    """Label map over the voxels ``inside`` (x, y, z)."""
    out = np.zeros(inside.shape, np.uint8, order="F")
    k, j, i = np.nonzero(inside.T)
    step = 2_000_000
    for start in range(0, len(i), step):
        at = slice(start, start + step)
        lps = np.column_stack([axes[0][i[at]], axes[1][j[at]], axes[2][k[at]]]).astype(float)
        out[i[at], j[at], k[at]] = stations_at(lps, b)
    return out
