"""The true station map, from the drawn anatomy by the borders of the IASLC map (Rusch et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from nodewise.phantom.habitus import Habitus
from nodewise.phantom.pen import Part
from nodewise.phantom.shapes import Axes, Floats, Tube
from nodewise.values.station import Station

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """Heights (world z, mm) and lines that part the stations.

    Attributes:
        z: ``clavicle``, ``vein_cross`` (left brachiocephalic vein at the trachea), ``arch_top``, ``arch_low``,
            ``azygos_low``, ``lung_artery`` (upper rim of the left), ``carina``, ``intermediate_low``,
            ``left_lower`` (upper border of its bronchus), ``inferior_vein``, ``diaphragm``, ``right_upper``.
        trachea, ascending, oesophagus, right, left: centre lines (n, 3) that run downwards in z.
        trachea_mm, ascending_mm, arch_mm: radii. arch: centre line of the arch.
        branch: points (n, 3) along the bronchi and ``zone`` (10 to 14) of each.
    """

    z: Mapping[str, float]
    trachea: Floats
    ascending: Floats
    oesophagus: Floats
    right: Floats
    left: Floats
    arch: Floats
    trachea_mm: float
    ascending_mm: float
    arch_mm: float
    branch: Floats
    zone: npt.NDArray[np.int64]


def borders(person: Habitus, parts: Mapping[str, Part], carina: Floats) -> Borders:
    """Read the borders off one person's organs."""

    def line(name: str) -> Floats:
        shape = parts[name].shape
        assert isinstance(shape, Tube)
        return shape.points

    def radius(name: str, at: int) -> float:
        shape = parts[name].shape
        assert isinstance(shape, Tube)
        return float(shape.radii[at])

    trachea, aorta = line("trachea"), line("aorta")
    vein, azygos = line("brachiocephalic_vein_left"), line("azygos_vein")
    crossing = vein[np.argmin(np.abs(vein[:, 0] - np.interp(vein[:, 2], trachea[::-1, 2], trachea[::-1, 0])))]
    top = int(np.argmax(aorta[:, 2]))
    arch_top = float(aorta[top, 2] + radius("aorta", top))
    left_artery = line("pulmonary_artery_left")
    high = int(np.argmax(left_artery[:, 2]))
    z = {
        "clavicle": float(person.world([(0, 0, 86)])[0, 2]),
        "vein_cross": float(crossing[2] - radius("brachiocephalic_vein_left", 8)),
        "arch_top": arch_top,
        "arch_low": float(aorta[top, 2] - radius("aorta", top)),
        "azygos_low": float(azygos[-4:, 2].mean() - radius("azygos_vein", -2)),
        "lung_artery": float(left_artery[high, 2] + radius("pulmonary_artery_left", high)),
        "carina": float(carina[2]),
        "intermediate_low": float(line("intermediate")[-1, 2] - 3),
        "left_lower": float(line("left_main")[-1, 2]),
        "right_upper": float(line("right_upper")[0, 2]),
        "inferior_vein": float(line("right_inferior_vein")[0, 2] - 6),
        "diaphragm": float(person.world([(0, 0, -125)])[0, 2]),
    }
    branch, zone = _branches(parts)
    return Borders(
        z, trachea, aorta[: top + 1], line("esophagus"), np.vstack([line("right_main"), line("intermediate")]),
        line("left_main"), aorta[max(0, top - 6) : top + 9], radius("trachea", 0), radius("aorta", top // 2),
        radius("aorta", top), branch, zone,
    )  # fmt: skip


def _branches(parts: Mapping[str, Part]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Points along the bronchi: 10 beside the main ones, 11 between the lobes, 12 lobar, 13 and 14 further out."""
    points: list[Floats] = []
    zones: list[npt.NDArray[np.int64]] = []
    for name in ("right_main", "left_main", "intermediate", *_LOBAR):
        shape = parts[name].shape
        assert isinstance(shape, Tube)
        p = shape.points
        way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
        if name in _LOBAR:
            zone = np.select([way < 7, way < 18, way < 30], [11, 12, 13], 14)
        elif name == "intermediate":
            zone = np.where(way > 6, 11, 10)
        else:
            zone = np.where(way > way[-1] - 5, 11, 10) if name == "left_main" else np.full(len(p), 10)
        points.append(p)
        zones.append(zone)
    return np.vstack(points), np.concatenate(zones)


_LOBAR = ("right_upper", "right_middle", "right_lower", "left_upper", "left_lower")


def _across(line: Floats, z: Floats) -> tuple[Floats, Floats]:
    """X and y of a line at heights ``z``."""
    order = np.argsort(line[:, 2])
    return np.interp(z, line[order, 2], line[order, 0]), np.interp(z, line[order, 2], line[order, 1])


def stations_at(lps: Floats, b: Borders) -> Labels:
    """The station's label at points (n, 3) of the mediastinum, LPS mm; 0 where none is defined."""
    x, y, z = lps[:, 0], lps[:, 1], lps[:, 2]
    h = b.z
    out = np.zeros(len(lps), np.uint8)

    def put(where: npt.NDArray[np.bool_], right: Station, left: Station | None = None, is_left: object = None) -> None:
        free = where & (out == 0)
        if left is None:
            out[free] = right.label
        else:
            out[free] = np.where(np.asarray(is_left)[free], left.label, right.label)

    tx, ty = _across(b.trachea, z)
    left_of_wall = x > tx + b.trachea_mm
    near = (np.abs(x - tx) < b.trachea_mm + 30) & (y > ty - b.trachea_mm - 38)
    ox, oy = _across(b.oesophagus, z)
    above = z >= h["carina"]
    put((z > h["clavicle"]) & (np.abs(x - tx) < 60) & (y < ty + 25), Station.S1R, Station.S1L, x > tx)
    put(above & (y > ty + b.trachea_mm) & (np.abs(x - tx) < b.trachea_mm + 10) & (y < oy + 14), Station.S3P)
    _beside_arch(lps, b, put)
    lateral = near & (y <= ty + b.trachea_mm + 12)
    put(lateral & ~left_of_wall & (z > h["vein_cross"]), Station.S2R)
    put(lateral & left_of_wall & (z > h["arch_top"]), Station.S2L)
    put(lateral & ~left_of_wall & (z > max(h["azygos_low"], h["carina"] - 12)), Station.S4R)
    put(lateral & left_of_wall & (z > h["lung_artery"]), Station.S4L)
    _below_carina(lps, b, put, ox, oy)
    return out


def _beside_arch(lps: Floats, b: Borders, put: object) -> None:
    """Stations 3a, 5 and 6."""
    assert callable(put)
    x, y, z = lps[:, 0], lps[:, 1], lps[:, 2]
    h = b.z
    ax, ay = _across(b.ascending, np.minimum(z, b.ascending[-1, 2]))
    tree = cKDTree(b.arch)
    _, nearest = tree.query(lps)
    foot = b.arch[nearest]
    ligament = b.arch[-1, 0] - 0.35 * b.arch_mm
    window = (z < h["arch_low"] + 3) & (z > h["lung_artery"] - 3) & (x > ligament) & (y > ay + 4) & (y < b.arch[-1, 1])
    put(window, Station.S5)
    lateral = (
        (z >= h["arch_low"] - 3) & (z <= h["arch_top"] + 2) & (x > foot[:, 0] + 0.45 * b.arch_mm) & (y < b.arch[-1, 1])
    )
    before = (y < ay - 0.55 * b.ascending_mm) & (x > ax - 0.3 * b.ascending_mm)
    before &= (z <= h["arch_top"]) & (z >= h["arch_low"] - 3)
    put(lateral | before, Station.S6)
    _, ty = _across(b.trachea, z)
    front = (
        (z > h["carina"])
        & (z <= h["clavicle"])
        & (y < np.minimum(ay, ty - b.trachea_mm - 14) + 2)
        & (y < ty - b.trachea_mm - 14)
    )
    put(front & ((z > h["arch_top"]) | (z < h["arch_low"] - 3) | (x < ax)), Station.S3A)


def _below_carina(lps: Floats, b: Borders, put: object, ox: Floats, oy: Floats) -> None:
    """Stations 7 to 14."""
    assert callable(put)
    x, y, z = lps[:, 0], lps[:, 1], lps[:, 2]
    h = b.z
    rx, ry = _across(b.right, z)
    lx, ly = _across(b.left, np.maximum(z, h["left_lower"]))
    low = np.where(x < 0.5 * (rx + lx), h["intermediate_low"], h["left_lower"])
    between = (x > rx) & (x < lx) & (z < h["carina"] + 2)
    put(between & (z > low) & (y > np.minimum(ry, ly) - 16) & (y < oy + 1), Station.S7)
    gullet = np.hypot(x - ox, y - oy) < 17
    put(gullet & (z < h["carina"]) & (z > h["diaphragm"]) & ((z <= low) | (y >= oy)), Station.S8)
    under = (
        (z < h["inferior_vein"])
        & (z > h["diaphragm"])
        & (np.hypot(x - ox, y - oy) < 45)
        & (y > oy - 22)
        & (y < oy + 14)
    )
    put(under, Station.S9R, Station.S9L, x > ox)
    tree = cKDTree(b.branch)
    middle = 0.5 * (rx + lx)
    far, nearest = tree.query(lps, distance_upper_bound=24.0)
    reached = np.isfinite(far) & (z < np.where(x < middle, h["azygos_low"] + 1, h["lung_artery"] + 1))
    zone = np.where(reached, b.zone[np.minimum(nearest, len(b.zone) - 1)], 0)
    for number in (10, 11, 12, 13, 14):
        right, left = Station(f"{number}R"), Station(f"{number}L")
        reach = 24 if number == 10 else 14
        put((zone == number) & (far < reach) & ((x < rx + 2) | (x > lx - 2)), right, left, x > middle)


def station_map(axes: Axes, inside: npt.NDArray[np.bool_], b: Borders) -> Labels:
    """Label map over the voxels ``inside`` (x, y, z)."""
    out = np.zeros(inside.shape, np.uint8, order="F")
    i, j, k = np.nonzero(inside)
    lps = np.column_stack([axes[0][i], axes[1][j], axes[2][k]]).astype(float)
    out[i, j, k] = stations_at(lps, b)
    return out
