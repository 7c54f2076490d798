"""What is implanted: lymph nodes, and structures that are none but look like them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from nodewise.phantom.draw.shapes import Blob, Floats, Tube, ball, curve, rotation
from nodewise.phantom.implant.hu import Look
from nodewise.phantom.node_shape import draw_shape
from nodewise.values.node import Status


class Kind(Enum):
    """What an implant is; all but the first are controls that no one should call a node."""

    NODE = "node"
    VESSEL = "vessel"
    OESOPHAGUS = "oesophagus"
    THYMUS = "thymus"
    MUSCLE = "muscle"

    @property
    def label(self) -> int:
        """Its number in a label map of kinds, from 1."""
        return list(Kind).index(self) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One implant, before it is moulded to what lies there.

    Attributes:
        shape: mm along the array axes, from the ground's first voxel.
        hu: density. swing_hu: slow unevenness. streaks_hu: unevenness over 2 mm.
        inside: densities and shapes within, painted in order. contents: their names.
        status: of a node. short_axis_mm: as drawn.
    """

    kind: Kind
    shape: Blob | Tube
    hu: float
    swing_hu: float = 3.0
    streaks_hu: float = 0.0
    inside: tuple[tuple[float, Blob | Tube], ...] = ()
    contents: tuple[str, ...] = ()
    status: Status | None = None
    short_axis_mm: float = 0.0


def draw_node(rng: np.random.Generator, centre: Floats, short: float, status: Status, hu: float, look: Look) -> Item:
    """A lymph node of about ``hu``: malignant ones denser and less even, extranodal ones with a ragged border."""
    shape = draw_shape(rng, centre, short, status)
    own = float(np.clip(hu + rng.normal(0, 5) + (3 if status.malignant else 0), *_limits(look)))
    inside, contents = _contents(rng, shape, short, status, own, look)
    if status is Status.EXTRANODAL:
        shape = _ragged(rng, shape)
    swing = float(rng.uniform(4, 8) if status.malignant else rng.uniform(2.5, 5.5))
    return Item(Kind.NODE, shape, own, swing, 0.0, inside, contents, status, short)


def _limits(look: Look) -> tuple[float, float]:
    return (45.0, 100.0) if look.enhanced else (22.0, 48.0)


def _contents(
    rng: np.random.Generator, shape: Blob, short: float, status: Status, hu: float, look: Look
) -> tuple[tuple[tuple[float, Blob | Tube], ...], tuple[str, ...]]:
    """A fatty hilum in benign nodes, necrosis in malignant ones, calcium in either: in a quarter of those over 7 mm."""
    if short < 7 or rng.random() > 0.28:
        return (), ()
    centre, radii = shape.centres[0], shape.radii[0]
    if rng.random() < 0.12:
        size = rng.uniform(0.8, 1.8, (int(rng.integers(1, 4)), 1)) * np.ones(3)
        at = centre + (rng.uniform(-0.45, 0.45, (len(size), 3)) * radii) @ shape.axes.T
        return ((float(rng.uniform(180, 600)), Blob(at, size, shape.axes)),), ("calcification",)
    if status.malignant:
        core = Blob(np.atleast_2d(centre), np.atleast_2d(radii * rng.uniform(0.45, 0.72)), shape.axes)
        dark = float(rng.uniform(5, 22)) if look.enhanced else max(8.0, hu - float(rng.uniform(8, 18)))
        return ((dark, core),), ("necrosis",)
    aside = shape.axes @ (radii * (rng.uniform(0.35, 0.75) * rng.choice((-1, 1)), 0, 0))
    hilum = Blob(np.atleast_2d(centre + aside), np.atleast_2d(radii * rng.uniform(0.35, 0.55, 3)), shape.axes)
    return ((float(rng.uniform(-90, -20)), hilum),), ("fatty hilum",)


def _ragged(rng: np.random.Generator, shape: Blob) -> Blob:
    """The same with 10 to 18 small spurs on its surface."""
    count = int(rng.integers(10, 19))
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    edge = shape.centres[0] + (way * shape.radii[0] * rng.uniform(0.92, 1.12, (count, 1))) @ shape.axes.T
    size = rng.uniform(0.7, 1.9, (count, 1)) * rng.uniform(0.7, 1.5, (count, 3))
    return Blob(np.concatenate([shape.centres, edge]), np.concatenate([shape.radii, size]), shape.axes)


def draw_vessel(rng: np.random.Generator, way: Floats, radius: float, look: Look, node_hu: float) -> Item:
    """A tube of 1.5 to 6 mm radius along ``way`` (n, 3); with contrast medium a third is as dense as nodes are."""
    radii = radius * rng.uniform(0.85, 1.15, len(way))
    like_node = look.enhanced and rng.random() < 0.35
    hu = node_hu + float(rng.normal(0, 6)) if like_node else look.vessel_hu(rng)
    return Item(Kind.VESSEL, curve(way, radii, step=2.0), hu, 1.0, short_axis_mm=2 * radius)


def draw_oesophagus(rng: np.random.Generator, way: Floats, radius: float, look: Look) -> Item:
    """A flat tube of muscle along ``way``; in half of them air, here and there along it."""
    tube = curve(way, radius * rng.uniform(0.9, 1.1, len(way)), step=2.0, flat=float(rng.uniform(1.2, 1.9)))
    hu = look.muscle_hu - float(rng.uniform(2, 16))
    inside: list[tuple[float, Blob | Tube]] = []
    if rng.random() < 0.5:
        for at in rng.choice(len(tube.points), int(rng.integers(1, 4))):
            middle = tube.points[at] + rng.uniform(-0.15, 0.15, 3) * radius
            air = np.array([0.45, 0.3, 0.9]) * radius * rng.uniform(0.5, 1.1)
            inside.append((float(rng.uniform(-900, -500)), ball(middle, air)))
    return Item(
        Kind.OESOPHAGUS, tube, hu, 4.0, 0.0, tuple(inside), ("air",) if inside else (), short_axis_mm=2 * radius
    )


def draw_thymus(rng: np.random.Generator, centre: Floats, size: float) -> Item:
    """A triangle of streaky tissue between fat and muscle, ``size`` mm across its front, flat from front to back."""
    half = 0.5 * size
    corners = np.array([(-half, 0.25 * half, 0), (half, 0.25 * half, 0), (0, -0.6 * half, 0)])
    along = np.concatenate([corners * t for t in (0.1, 0.5, 0.85)])
    radii = np.concatenate([np.full((3, 3), r) for r in (0.42, 0.3, 0.17)]) * half * (1.0, 0.9, 1.9)
    angle = rng.uniform(-0.4, 0.4)
    turn = np.array([(np.cos(angle), -np.sin(angle), 0), (np.sin(angle), np.cos(angle), 0), (0, 0, 1)])
    shape = Blob(centre + along @ turn.T, radii, turn)
    level = float(rng.uniform(-45, 30))
    return Item(Kind.THYMUS, shape, level, 10.0, float(rng.uniform(18, 40)), short_axis_mm=0.6 * size)


def draw_muscle(rng: np.random.Generator, centre: Floats, thick: float, look: Look) -> Item:
    """A slip of muscle: ``thick`` mm, three to six times as wide, longer still."""
    radii = 0.5 * thick * np.array([1.0, rng.uniform(2.5, 5), rng.uniform(5, 9)])
    axes = rotation(rng)
    shape = Blob(np.atleast_2d(centre), np.atleast_2d(radii), axes)
    return Item(Kind.MUSCLE, shape, look.muscle_hu + float(rng.normal(0, 4)), 4.0, 6.0, short_axis_mm=thick)


def touching(rng: np.random.Generator, other: Item, short: float) -> Floats:
    """A centre from which a node of ``short`` mm touches ``other``."""
    assert isinstance(other.shape, Blob)
    way = rng.normal(0, 1, 3)
    reach = 0.5 * short + float(other.shape.radii[0].mean())
    return np.asarray(other.shape.centres[0] + way / np.linalg.norm(way) * reach * rng.uniform(0.75, 1.1))
