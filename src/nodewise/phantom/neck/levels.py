"""The lymph node levels of the neck as a label map, from their borders on axial images.

Levels I to VI by Som, Curtin and Mancuso (1999), as in the AJCC manual. In height they are parted by the skull base,
the lower border of the hyoid, the lower border of the cricoid and the clavicle; in the plane by the back of the
submandibular gland (I from II), the back of the internal jugular vein (IIA from IIB), the back of the
sternocleidomastoid (II and III from V; below the cricoid the line from there to the outer back edge of the anterior
scalene, IV from V), the medial border of the carotid (III and IV from VI) and that of the anterior digastric (IA from
IB). IA, unsided in the manual, is cut at the midline here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.brush import Piece
from nodewise.phantom.draw.sections import Stack
from nodewise.phantom.draw.shapes import Axes, Blob, Floats, Tube
from nodewise.values.station import Side

LEVELS: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (f"{level}-{side}" for level in ("IA", "IB", "IIA", "IIB", "III", "IV", "VA", "VB") for side in "RL"), 1
        )
    )
    | {17: "VI"}
)
"""Code of each label: the level, a hyphen, and R or L for the side (``IIA-R``); ``VI`` lies in the middle."""

_NUMBER = {code: number for number, code in LEVELS.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Flank:
    """Borders of one side, in the world: columns x and y by height (rows of z, x, y).

    Attributes:
        carotid: its medial border. vein: the back of the internal jugular vein.
        muscle: the back edge of the sternocleidomastoid. scalene: the outer back edge of the anterior scalene.
        trapezius: its front edge. digastric: medial border of the anterior belly, and jaw: middle of the mandible, both
            as rows of y, x, z. gland: y of the submandibular's back.
    """

    carotid: Floats
    vein: Floats
    muscle: Floats
    scalene: Floats
    trapezius: Floats
    digastric: Floats
    jaw: Floats
    gland: float


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """What parts the levels, in the world.

    Attributes:
        skull_base, hyoid_low, cricoid_low, clavicle, manubrium, mouth_floor: heights (LPS z, mm).
        middle, spine: rows of z, x, y of the airway and of the vertebral bodies. flanks: borders of both sides.
        shoulder: how far V reaches from the middle, mm.
    """

    skull_base: float
    hyoid_low: float
    cricoid_low: float
    clavicle: float
    manubrium: float
    mouth_floor: float
    middle: Floats
    spine: Floats
    flanks: Mapping[Side, Flank]
    shoulder: float


def flank(named: Mapping[str, list[Piece]], side: Side) -> Flank:
    """Read one side's borders off the drawn pieces."""
    sign = 1 if side is Side.LEFT else -1
    word = "left" if side is Side.LEFT else "right"

    def tube(name: str, which: int = 0) -> Tube:
        shape = named[name][which].shape
        assert isinstance(shape, Tube)
        return shape

    def edge(name: str, back: float = 1.0) -> Floats:
        shape = named[f"{name}_{word}"][0].shape
        assert isinstance(shape, Stack)
        return _end(shape, back)

    paths = [tube(f"{n}_carotid_artery_{word}") for n in ("common", "internal")]
    carotid = np.vstack([p.points - np.column_stack([sign * p.radii, 0 * p.radii, 0 * p.radii]) for p in paths])
    vein = tube(f"internal_jugular_vein_{word}")
    back = vein.points + np.column_stack([0 * vein.radii, vein.radii / vein.flat, 0 * vein.radii])
    belly = tube(f"digastric_{word}")
    inner = belly.points - np.column_stack([sign * belly.radii, 0 * belly.radii, 0 * belly.radii])
    arch = tube("mandible").points
    arch = arch[(arch[:, 0] - arch[:, 0].mean()) * sign > 0]
    gland = named[f"submandibular_gland_{word}"][0].shape
    assert isinstance(gland, Blob)
    return Flank(
        carotid=_by_height(carotid),
        vein=_by_height(back),
        muscle=edge("sternocleidomastoid"),
        scalene=edge("anterior_scalene"),
        trapezius=edge("trapezius", -1.0),
        jaw=arch[np.argsort(arch[:, 1])][:, [1, 0, 2]],
        digastric=inner[np.argsort(inner[:, 1])][:, [1, 0, 2]],
        gland=float(gland.bounds[1][1]),
    )


def _by_height(points: Floats) -> Floats:
    """Rows of z, x, y by ascending z."""
    return points[np.argsort(points[:, 2])][:, [2, 0, 1]]


def _end(stack: Stack, back: float) -> Floats:
    """The back (1) or front (-1) end of each section's long axis, rows of z, x, y."""
    z, x, y, a, _, turn = stack.rows.T
    way = np.where(np.sin(turn) >= 0, 1.0, -1.0) * back
    return np.column_stack([z, x + way * a * np.cos(turn), y + way * a * np.sin(turn)])


def level_map(axes: Axes, deep: npt.NDArray[np.bool_], b: Borders) -> npt.NDArray[np.uint8]:
    """Label every voxel of ``deep`` (x, y, z: what may hold nodes below the platysma) by its level; 0 for none."""
    out = np.zeros(deep.shape, np.uint8, order="F")
    x, y = axes[0].astype(float)[:, None], axes[1].astype(float)[None, :]
    for k, z in enumerate(axes[2].tolist()):
        if b.manubrium <= z <= b.skull_base:
            out[:, :, k] = _slice(x, y, z, b)
    out *= deep
    return out


def _slice(x: Floats, y: Floats, z: float, b: Borders) -> npt.NDArray[np.uint8]:
    """The levels of one axial slice, were it all fat."""
    out = np.zeros((x.size, y.size), np.uint8)

    def put(code: str, where: npt.NDArray[np.bool_]) -> None:
        out[where & (out == 0)] = _NUMBER[code]

    middle = float(np.interp(z, b.middle[:, 0], b.middle[:, 1]))
    spine = float(np.interp(z, b.spine[:, 0], b.spine[:, 2]))
    centre = np.ones(out.shape, np.bool_)
    for side, f in b.flanks.items():
        sign, letter = (1, "L") if side is Side.LEFT else (-1, "R")
        carotid, vein, muscle, scalene, trapezius = (
            (float(np.interp(z, e[:, 0], e[:, 1])), float(np.interp(z, e[:, 0], e[:, 2])))
            for e in (f.carotid, f.vein, f.muscle, f.scalene, f.trapezius)
        )
        outside = (x - carotid[0]) * sign >= 0
        own = (x - middle) * sign >= 0
        centre &= ~outside
        before = (y < muscle[1]) & (y < spine + 8)
        if z >= b.hyoid_low:
            belly = np.interp(y, f.digastric[:, 0], f.digastric[:, 1])
            inner = (x - np.interp(y, f.jaw[:, 0], f.jaw[:, 1])) * sign < 0
            front = (y < f.gland) & (y > f.jaw[0, 0]) & (z <= b.mouth_floor) & own & inner
            put(f"IA-{letter}", front & ((x - belly) * sign < 0) & (y < f.digastric[-1, 0]))
            put(f"IB-{letter}", front & ((x - belly) * sign >= 0))
            put(f"IIA-{letter}", outside & before & (y >= f.gland) & (y <= vein[1]))
            put(f"IIB-{letter}", outside & before & (y > vein[1]))
        elif z >= b.cricoid_low:
            put(f"III-{letter}", outside & before)
        elif z >= b.clavicle:
            # In front of the line from the muscle's back edge to that of the anterior scalene.
            dx, dy = scalene[0] - muscle[0], scalene[1] - muscle[1]
            turned = ((x - muscle[0]) * dy - (y - muscle[1]) * dx) * sign
            put(f"IV-{letter}", outside & (turned <= 0) & (y < scalene[1]))
        behind = outside & (y <= trapezius[1]) & ((x - middle) * sign > 0) & ((x - middle) * sign < b.shoulder)
        if z >= b.cricoid_low:
            # Sternocleidomastoid and trapezius meet below the skull; further back lies the nape.
            put(f"VA-{letter}", behind & (y >= muscle[1]) & (y < spine + 42) & (z < b.skull_base - 18))
        elif z >= b.clavicle:
            put(f"VB-{letter}", behind)
    if z < b.hyoid_low:
        put("VI", centre & (y < spine - 8))
    return out
