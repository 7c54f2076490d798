"""Heights and lines that part the stations, read off one person's drawn organs.

The borders are those of the IASLC map (Rusch et al. 2009, J Thorac Oncol 4:568, table 1 and figure 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.chest.airway import LOBAR, SEGMENTS
from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.organs import CRICOID_W
from nodewise.phantom.chest.pen import Part
from nodewise.phantom.draw.shapes import Floats, Tube

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """What parts the stations of one person, world mm.

    Attributes:
        z: heights: ``cricoid`` (its lower margin), ``manubrium`` (its upper border, with the clavicles), ``vein_cross``
            (caudal margin of the left brachiocephalic vein before the trachea), ``arch_top``, ``arch_low``,
            ``azygos_low`` (lower border of its arch), ``lung_artery`` (upper rim of the left), ``carina``,
            ``intermediate_low`` (lower border of the bronchus intermedius), ``left_lower`` (upper border of the left
            lower lobe's bronchus), ``right_vein`` and ``left_vein`` (lower margins of the inferior pulmonary veins).
        trachea, cava, carotid, ascending, oesophagus, right, left, ligament: lines as rows (z, x, y, radius), z rising;
            ``cava`` goes on as the right brachiocephalic vein, ``right`` is main bronchus and bronchus intermedius.
        arch: centre line (n, 3) of the arch from front to back. arch_mm: its radius.
        branch: points (n, 3) along the bronchi; ``zone`` (10 to 14) and ``on_left`` of each.
    """

    z: Mapping[str, float]
    trachea: Floats
    cava: Floats
    carotid: Floats
    ascending: Floats
    oesophagus: Floats
    right: Floats
    left: Floats
    ligament: Floats
    arch: Floats
    arch_mm: float
    branch: Floats
    zone: Numbers
    on_left: npt.NDArray[np.bool_]


def read_borders(person: Habitus, parts: Mapping[str, Part], carina: Floats) -> Borders:
    """Read the borders off the organs ``parts``, by name; ``carina`` as ``find_carina`` tells it."""

    def tube(name: str) -> Tube:
        shape = parts[name].shape
        assert isinstance(shape, Tube)
        return shape

    aorta, ligament = tube("aorta"), tube("ligamentum_arteriosum")
    top = int(np.argmax(aorta.points[:, 2]))
    trachea = _line(tube("trachea"), wall=parts["trachea"].wall_mm)
    branch, zone, on_left = _branches(parts)
    arch = aorta.points[max(0, top - 6) : top + 9]
    return Borders(
        z=_heights(person, tube, trachea, float(carina[2])),
        trachea=trachea,
        cava=_line(tube("superior_vena_cava"), tube("brachiocephalic_vein_right")),
        carotid=_line(tube("common_carotid_artery_left")),
        ascending=_line(Tube(aorta.points[: top + 1], aorta.radii[: top + 1])),
        oesophagus=_line(tube("esophagus")),
        right=_line(tube("right_main"), tube("intermediate")),
        left=_line(tube("left_main")),
        ligament=_line(ligament),
        arch=arch,
        arch_mm=float(aorta.radii[top]),
        branch=branch,
        zone=zone,
        on_left=on_left,
    )


def _heights(person: Habitus, tube: Callable[[str], Tube], trachea: Floats, carina: float) -> Mapping[str, float]:
    aorta, vein, azygos = tube("aorta"), tube("brachiocephalic_vein_left"), tube("azygos_vein")
    top = int(np.argmax(aorta.points[:, 2]))
    artery = tube("pulmonary_artery_left")
    crossing = int(np.argmin(np.abs(vein.points[:, 0] - across(trachea, vein.points[:, 2])[0])))
    bend = azygos.points[:, 2] > azygos.points[-1, 2] - 6  # the piece over the right main bronchus
    lower = tube("left_lower")
    return {
        "cricoid": float(person.world([(0, 0, CRICOID_W)])[0, 2]),
        "manubrium": float(person.carina[2] + person.notch),
        "vein_cross": float(vein.points[crossing, 2] - vein.radii[crossing]),
        "arch_top": float(aorta.points[top, 2] + aorta.radii[top]),
        "arch_low": float(aorta.points[top, 2] - aorta.radii[top]),
        "azygos_low": float((azygos.points[bend, 2] - azygos.radii[bend]).min()),
        "lung_artery": float((artery.points[:, 2] + artery.radii).max()),
        "carina": carina,
        "intermediate_low": float(tube("intermediate").points[-1, 2] - tube("intermediate").radii[-1]),
        "left_lower": float(lower.points[0, 2] + lower.radii[0]),
        "right_vein": float((tube("right_inferior_vein").points[:, 2] - tube("right_inferior_vein").radii)[:4].min()),
        "left_vein": float((tube("left_inferior_vein").points[:, 2] - tube("left_inferior_vein").radii)[:4].min()),
    }


def _line(*tubes: Tube, wall: float = 0.0) -> Floats:
    """Rows (z, x, y, radius) along tubes, z rising."""
    points, radii = np.vstack([t.points for t in tubes]), np.concatenate([t.radii for t in tubes])
    order = np.argsort(points[:, 2])
    return np.column_stack([points[:, 2], points[:, :2], radii + wall])[order]


def across(line: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """X, y and radius of a line at heights ``z``; beyond its ends those of the end."""
    x, y, r = (np.interp(z, line[:, 0], line[:, m]) for m in (1, 2, 3))
    return x, y, r


def _branches(parts: Mapping[str, Part]) -> tuple[Floats, Numbers, npt.NDArray[np.bool_]]:
    """Points along the bronchi: 10 beside the main ones, 11 where lobes part, 12 lobar, 13 segmental, 14 beyond."""
    points: list[Floats] = []
    zones: list[Numbers] = []
    left: list[npt.NDArray[np.bool_]] = []
    for name in ("right_main", "left_main", "intermediate", *LOBAR, *SEGMENTS):
        shape = parts[name].shape
        assert isinstance(shape, Tube)
        p = shape.points
        way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
        if name in SEGMENTS:
            zone, p = np.where(way < 12, 13, 14)[way < 34], p[way < 34]
        elif name in LOBAR:
            zone = np.where((way < 7) & (name not in ("left_division", "lingular")), 11, 12)
        elif name == "intermediate":
            zone = np.where(way > 6, 11, 10)
        else:
            zone = np.where((way > way[-1] - 5) & (name == "left_main"), 11, 10)
        points.append(p)
        zones.append(zone)
        left.append(np.full(len(p), name.startswith("l") or name[0] == "L"))
    return np.vstack(points), np.concatenate(zones), np.concatenate(left)
