"""What one lymph node looks like: its shape, what is inside it, and its border."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.draw.shapes import Blob, Floats, ball, rotation
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.geometry import Tissue
from nodewise.values.node import Status

Inside = tuple[tuple[Tissue, Blob], ...]

# Median long over short axis of a place's nodes over that of all mediastinal ones, by marked nodes of public scans.
_LONG = {
    "1": 0.9,
    "2": 1.06,
    "3a": 1.06,
    "4": 0.93,
    "7": 1.03,
    "10": 1.12,
    "11": 1.12,
    "12": 1.12,
    "5": 1.05,
    "6": 1.05,
}
_HILUM = {Status.BENIGN: 0.42, Status.MALIGNANT: 0.06, Status.EXTRANODAL: 0.02}
_CALCIUM = {Status.BENIGN: 0.08, Status.MALIGNANT: 0.02, Status.EXTRANODAL: 0.02}


def draw_node(
    rng: np.random.Generator,
    centre: Floats,
    short_mm: float,
    place: str,
    status: Status,
    facing: tuple[float, float] | None = None,
) -> DrawnNode:
    """Draw a node.

    Args:
        rng: draws the rest.
        centre: LPS mm.
        short_mm: smallest diameter in the axial plane before it is moulded to what lies beside it.
        place: code of its station, level or compartment; a station's shapes are those that its nodes have.
        status: malignant ones are rounder, lose their hilum, and are more often necrotic and uneven.
        facing: direction (x, y) away from what it lies along; any where there is none.
    """
    shape = draw_shape(rng, centre, short_mm, status, place, facing)
    border = float(np.clip(rng.uniform(0.12, 0.26) * short_mm, 1.0, 4.5))
    ragged = border if status is Status.EXTRANODAL else 0.0
    return DrawnNode(shape, place, status, draw_inside(rng, shape, status), ragged)


def draw_shape(
    rng: np.random.Generator,
    centre: Floats,
    short_mm: float,
    status: Status,
    place: str = "",
    facing: tuple[float, float] | None = None,
) -> Blob:
    """A lobulated ellipsoid as large as a plain one of this short axis; its long axis lies mostly in the axial plane.

    Long over short axis as in 375 real mediastinal nodes (NIH CT Lymph Nodes, Roth et al. 2014): median 1.46, a tenth
    beyond 1.95, less in large nodes.
    """
    stretch = rng.gamma(2.2, 0.43) * np.interp(short_mm, (8, 14, 22), (1.15, 1.0, 0.75))
    long = (1 + stretch * (0.72 if status.malignant else 1.1)) * _LONG.get(place.rstrip("RL"), 1.0)
    tall = float(np.clip(np.exp(rng.normal(0.08, 0.3)), 0.6, 1.9))
    radii = 0.5 * short_mm * np.array([float(np.clip(long, 1.0, 3.0)), 1.0, tall])
    axes = _mostly_axial(rng, facing)
    centres, sizes = [np.asarray(centre, float)], [radii]
    for _ in range(int(rng.choice(4, p=(0.3, 0.35, 0.22, 0.13)))):
        way = rng.normal(0, 1, 3)
        way = axes @ (way / np.linalg.norm(way) * radii * rng.uniform(0.55, 0.95))
        centres.append(centres[0] + way)
        sizes.append(radii * rng.uniform(0.45, 0.75) * rng.uniform(0.85, 1.15, 3))
    blob = Blob(np.array(centres), np.array(sizes), axes)
    grow = np.cbrt(4 / 3 * np.pi * radii.prod() / volume_mm3(blob))
    return scaled(blob, float(grow))


def scaled(blob: Blob, grow: float) -> Blob:
    """The same shape ``grow`` times as large, its first centre kept."""
    return Blob(blob.centres[0] + grow * (blob.centres - blob.centres[0]), blob.radii * grow, blob.axes)


def volume_mm3(blob: Blob) -> float:
    """Volume on a grid of 24 points along each edge of its box."""
    low, high = blob.bounds
    step = (high - low) / 24
    x, y, z = ((a + (np.arange(24) + 0.5) * s).astype(np.float32) for a, s in zip(low, step, strict=True))
    return float(np.count_nonzero(blob.distance((x, y, z), 0.0) < 0) * step.prod())


def _mostly_axial(rng: np.random.Generator, facing: tuple[float, float] | None) -> Floats:
    """Axes (columns) of which the first two lie near the axial plane, tilted by some 20°.

    The second, the shortest, points along ``facing``, so that the node lies flat on its neighbour.
    """
    turn, tilt, lean = rng.uniform(0, np.pi), np.deg2rad(rng.normal(0, 20)), np.deg2rad(rng.normal(0, 20))
    if facing is not None:
        turn = np.arctan2(-facing[0], facing[1]) + np.deg2rad(rng.normal(0, 15))
    c, s = np.cos(turn), np.sin(turn)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    about_x = np.array([[1.0, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_y = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1.0, 0], [-np.sin(lean), 0, np.cos(lean)]])
    return np.asarray(about_z @ about_x @ about_y)


def draw_inside(rng: np.random.Generator, shape: Blob, status: Status) -> Inside:
    """Fatty hilum, healthy remains, necrosis and calcium, by status and size."""
    radii = shape.radii[0]
    short = 2 * float(radii.min())
    parts: list[tuple[Tissue, Blob]] = []
    chance = rng.random(4)
    if short > 4.5 and chance[0] < _HILUM[status]:
        # An eccentric fatty notch, open to one side.
        parts.append((Tissue.NODE_HILUM, _within(rng, shape, (0.35, 0.75), (0.28, 0.5))))
    if status.malignant and chance[1] < 0.3:
        parts.append((Tissue.NODE, _within(rng, shape, (0.3, 0.7), (0.35, 0.6))))
    rot = np.interp(short, (6, 10, 20, 30), (0.0, 0.2, 0.45, 0.6)) if status.malignant else 0.01 * (short > 8)
    if chance[2] < rot:
        parts += [
            (Tissue.NODE_NECROSIS, _within(rng, shape, (0.0, 0.4), (0.3, 0.65))) for _ in range(rng.integers(1, 3))
        ]
    if short > 4 and chance[3] < _CALCIUM[status]:
        specks = 1 if rng.random() < 0.35 else int(rng.integers(2, 6))
        size = (0.4, 0.8) if specks == 1 else (0.08, 0.25)
        parts += [(Tissue.NODE_CALCIUM, _within(rng, shape, (0.0, 0.6), size)) for _ in range(specks)]
    return tuple(parts)


def _within(rng: np.random.Generator, shape: Blob, off: tuple[float, float], size: tuple[float, float]) -> Blob:
    """An ellipsoid within ``shape``: its distance from the centre and its radii as shares of the node's."""
    way = rng.normal(0, 1, 3)
    way = shape.axes @ (way / np.linalg.norm(way) * shape.radii[0] * rng.uniform(*off))
    return ball(shape.centres[0] + way, shape.radii[0] * rng.uniform(*size, 3), shape.axes @ _small_turn(rng))


def _small_turn(rng: np.random.Generator) -> Floats:
    """A rotation of some ten degrees about any axis."""
    skew = 0.2 * (rotation(rng) - np.eye(3))
    q, r = np.linalg.qr(np.eye(3) + 0.5 * (skew - skew.T))
    return np.asarray(q * np.sign(np.diag(r)))
