"""Finds room in the fat for an implant: moulded behind what is there, touching it, beside other implants."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.components import largest
from nodewise.phantom.draw.shapes import Floats
from nodewise.phantom.implant.ground import Ground, Slices
from nodewise.phantom.implant.item import (
    Item,
    Kind,
    draw_muscle,
    draw_node,
    draw_oesophagus,
    draw_thymus,
    draw_vessel,
    touching,
)
from nodewise.values.node import Status

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]

CLUSTERED = 0.45
MALIGNANT, EXTRANODAL = 0.4, 0.25
_CONTROLS = (Kind.VESSEL, Kind.OESOPHAGUS, Kind.THYMUS, Kind.MUSCLE)
_CONTROL_WEIGHTS = (0.64, 0.10, 0.11, 0.15)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An item and where it goes: the part of the ground, and where in it the item may lie."""

    item: Item
    part: Slices
    allowed: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """Voxels of fat by how far they are from what is not fat, rising."""

    ground: Ground
    flat: Index = field(init=False)
    reach: npt.NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        room = self.ground.background.room
        flat = np.flatnonzero(room > 0.8)
        reach = room.ravel()[flat]
        order = np.argsort(reach, kind="stable")
        object.__setattr__(self, "flat", flat[order])
        object.__setattr__(self, "reach", reach[order])

    def draw(self, rng: np.random.Generator, low: float, high: float) -> Floats | None:
        """A point with room of ``low`` to ``high`` mm, or the roomiest there is over 0.7 of ``low``; mm."""
        first, last = np.searchsorted(self.reach, (low, high)).tolist()
        if first == last:
            first, last = int(np.searchsorted(self.reach, 0.7 * low)), len(self.reach)
        if first >= last:
            return None
        flat = self.flat[int(rng.integers(first, last))]
        index = np.unravel_index(int(flat), self.ground.background.room.shape)
        return np.asarray((np.array(index) + rng.uniform(-0.4, 0.4, 3)) * self.ground.spacing)


def place_node(room: Room, others: list[Item], hu: float, rng: np.random.Generator) -> Placed | None:
    """Draw a node and find a place for it; none after twelve tries."""
    ground = room.ground
    status = Status.BENIGN
    if rng.random() < MALIGNANT:
        status = Status.EXTRANODAL if rng.random() < EXTRANODAL else Status.MALIGNANT
    short = float(np.clip(6.8 * np.exp(rng.normal(0, 0.5)) * (1.25 if status.malignant else 1.0), 3.0, 30))
    clustered = bool(others) and rng.random() < CLUSTERED
    for attempt in range(12):
        size = short * (1.0 if attempt < 6 else 0.72)
        if clustered and attempt < 4:
            at: Floats | None = touching(rng, others[int(rng.integers(len(others)))], size)
        else:
            at = room.draw(rng, 0.3 * size, 0.5 * size + rng.uniform(0.5, 4))
        if at is None:
            continue
        placed = fitted(ground, draw_node(rng, at, size, status, hu, ground.look))
        if placed is not None:
            return placed
    return None


def place_control(room: Room, hu: float, rng: np.random.Generator) -> Placed | None:
    """Draw what is no node and find a place for it; none after eight tries."""
    kind = _CONTROLS[int(rng.choice(len(_CONTROLS), p=_CONTROL_WEIGHTS))]
    for _ in range(8):
        item = _control(room, kind, hu, rng)
        placed = None if item is None else fitted(room.ground, item)
        if placed is not None:
            return placed
    return None


def _control(room: Room, kind: Kind, hu: float, rng: np.random.Generator) -> Item | None:
    look = room.ground.look
    if kind in (Kind.VESSEL, Kind.OESOPHAGUS):
        flat = kind is Kind.OESOPHAGUS
        radius = float(rng.uniform(4.5, 8)) if flat else float(np.clip(1.5 + rng.exponential(1.3), 1.5, 6))
        way = _way(room, radius, rng, upright=flat)
        if way is None:
            return None
        return draw_oesophagus(rng, way, radius, look) if flat else draw_vessel(rng, way, radius, look, hu)
    size = float(rng.uniform(14, 32) if kind is Kind.THYMUS else rng.uniform(2.5, 6))
    at = room.draw(rng, 0.12 * size if kind is Kind.THYMUS else 0.5 * size, 0.5 * size + 2)
    if at is None:
        return None
    return draw_thymus(rng, at, size) if kind is Kind.THYMUS else draw_muscle(rng, at, size, look)


def _way(room: Room, radius: float, rng: np.random.Generator, upright: bool) -> Floats | None:
    """A winding way of 20 to 60 mm through fat, (n, 3) mm, steps of 4 mm; where the fat ends, so does the way."""
    start = room.draw(rng, 0.5 * radius, radius + 3)
    if start is None:
        return None
    target = rng.uniform(20, 60)
    first = np.array([0.0, 0.0, 1.0]) + rng.normal(0, 0.15, 3) if upright else rng.normal(size=3)
    both: list[Floats] = [start]
    for sign in (1, -1):
        heading, at = sign * first / np.linalg.norm(first), start
        for _ in range(int(target / 8) + 1):
            ways = heading + rng.normal(0, 0.15 if upright else 0.35, (10, 3))
            ways /= np.linalg.norm(ways, axis=1, keepdims=True)
            space = _room_at(room.ground, at + 4 * ways)
            best = int(np.argmax(np.minimum(space, radius) + rng.normal(0, 0.2, 10)))
            if space[best] <= 0.25 * radius:
                break
            heading, at = ways[best], at + 4 * ways[best]
            both = [*both, at] if sign > 0 else [at, *both]
    points = np.array(both)
    if len(points) < 3 or float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum()) < 20:
        return None
    return points


def _room_at(ground: Ground, points: Floats) -> npt.NDArray[np.float32]:
    room = ground.background.room
    index = np.rint(points / ground.spacing).astype(int)
    inside = ((index >= 0) & (index < room.shape)).all(axis=1)
    index = np.clip(index, 0, np.array(room.shape) - 1)
    return np.where(inside, room[tuple(index.T)], np.float32(0))


def fitted(ground: Ground, item: Item) -> Placed | None:
    """The item where enough of it shows, in one piece, out of fat alone, clear of what may be a real node.

    It may be hidden in part behind vessels, airways and lung, but nothing may run through its middle.
    """
    part = ground.window(item.shape)
    if part is None:
        return None
    d = item.shape.distance(ground.part_axes(part), 3.0)
    share = ground.share[part]
    inside = d < 0
    total = int(inside.sum())
    seen = inside & (share > 0.5)
    node = item.kind is Kind.NODE
    if total == 0 or seen.sum() < (0.55 if node else 0.5) * total or (inside & ground.background.ignore[part]).any():
        return None
    if node and seen.any():
        deep = d < -0.3 * item.short_axis_mm
        if (deep & (share < 0.35)).any():
            return None
    whole = largest(np.asfortranarray(seen))
    volume = float(whole.sum()) * float(np.prod(ground.spacing))
    if whole.sum() < max(3, 0.85 * seen.sum()) or volume < 12:
        return None
    if (ground.background.room[part][whole] > 0).mean() < 0.9:
        return None
    lost = seen & ~whole
    allowed = ~ndimage.binary_dilation(lost, iterations=2) | ndimage.binary_dilation(whole)
    return Placed(item, part, np.asarray(allowed))
