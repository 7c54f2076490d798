"""Organs of the neck and the abdomen as named pieces in the world, painted one over another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.frame import Frame
from nodewise.phantom.draw.sections import Stack
from nodewise.phantom.draw.shapes import Blob, Floats, Shape, curve
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One organ, or a part of it.

    Attributes:
        name: of ``organ_names.ORGANS`` where it has one there.
        only: tissues that it covers; empty for all.
        grow: mm added all round. rim: mm of fat laid around it first, over muscle and gland: the plane between two.
    """

    name: str
    tissue: Tissue
    shape: Shape
    only: tuple[Tissue, ...] = ()
    grow: float = 0.0
    rim: float = 0.0


def paint_pieces(canvas: Canvas, pieces: Iterable[Piece]) -> None:
    """Paint the pieces in order."""
    for p in pieces:
        if p.rim > 0:
            canvas.paint(Tissue.FAT, p.shape, p.grow + p.rim, _PARTED)
        canvas.paint(p.tissue, p.shape, p.grow, p.only, ORGANS.get(p.name, 0))


_PARTED = (Tissue.MUSCLE, Tissue.GLAND)


def with_marrow(bone: Piece, cortex_mm: float = 1.7) -> list[Piece]:
    """A bone and the marrow inside it."""
    return [bone, Piece(bone.name, Tissue.MARROW, bone.shape, (), bone.grow - cortex_mm)]


class Brush:
    """Turns template points into pieces, a little elsewhere in every person.

    A brush for one side (-1 right, 1 left) takes points of the left, and adds ``_right`` or ``_left`` to the names of
    organs that have a side.
    """

    def __init__(self, frame: Frame, rng: np.random.Generator, side: int = 0) -> None:
        self.frame, self.rng, self.side = frame, rng, side

    def sided(self, side: int) -> Brush:
        """The same brush for one side."""
        return Brush(self.frame, self.rng, side)

    def named(self, name: str) -> str:
        """The name with its side."""
        sided = name + {-1: "_right", 0: "", 1: "_left"}[self.side]
        return name if name in ORGANS and sided not in ORGANS else sided

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly."""
        return float(self.rng.uniform(low, high))

    def world(self, points: npt.ArrayLike) -> Floats:
        """Template points of the left, or of the middle, on this brush's side in the world."""
        return self.frame.world(np.asarray(points, float) * (self.side or 1, 1, 1))

    def way(self, points: npt.ArrayLike, loose: float = 1.0) -> Floats:
        """World control points, moved together and each a little."""
        p = self.world(points)
        amount = self.frame.jitter * loose
        return p + self.rng.normal(0, amount, 3) + self.rng.normal(0, 0.6 * amount, p.shape)

    def tube(
        self,
        name: str,
        tissue: Tissue,
        points: Sequence[tuple[float, float, float]],
        radii: float | Sequence[float],
        *,
        flat: float = 1.0,
        loose: float = 1.0,
        only: tuple[Tissue, ...] = (),
        rim: float = 0.0,
    ) -> Piece:
        """A tube through (x, y, z); ``radii`` in mm before the person's calibre."""
        r = np.asarray(radii) * self.frame.calibre
        return Piece(self.named(name), tissue, curve(self.way(points, loose), r, flat=flat), only, 0.0, rim)

    def ball(
        self,
        name: str,
        tissue: Tissue,
        centre: tuple[float, float, float],
        radii: tuple[float, float, float],
        *,
        tilt: tuple[float, float, float] = (0.0, 0.0, 0.0),
        loose: float = 1.0,
        only: tuple[Tissue, ...] = (),
        rim: float = 0.0,
    ) -> Piece:
        """An ellipsoid, turned by ``tilt`` degrees about x, y and z, mirrored with the side."""
        side = self.side or 1
        c, b, a = np.deg2rad(tilt) * (1, side, side)
        about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
        shape = Blob(self.way([centre], loose), np.array([radii]) * self.frame.scale, about_z @ about_y @ about_x)
        return Piece(self.named(name), tissue, shape, only, 0.0, rim)

    def stack(
        self,
        name: str,
        tissue: Tissue,
        rows: Sequence[tuple[float, ...]],
        *,
        power: float = 2.0,
        lobes: float = 0.0,
        loose: float = 1.0,
        only: tuple[Tissue, ...] = (),
        rim: float = 0.0,
    ) -> Piece:
        """Sections (z, x, y, half length, half width, turn in degrees) from low to high; ``lobes`` bends outlines."""
        table = np.array([(*r, 0.0)[:6] for r in rows], float)
        at = np.unique(np.concatenate([table[:, 0], np.arange(table[0, 0], table[-1, 0], 3.0)]))
        fine = PchipInterpolator(table[:, 0], table[:, 1:])(at)
        place = self.frame.world(np.column_stack([fine[:, 0] * (self.side or 1), fine[:, 1], at]))
        place += self.rng.normal(0, self.frame.jitter * loose, 3) * (1, 1, 0.5)
        turn = np.deg2rad(fine[:, 4]) * (self.side or 1) + self.frame.turn_rad
        size = fine[:, 2:4] * self.frame.size * float(np.exp(self.rng.normal(0, 0.04 * min(loose, 1))))
        order = np.argsort(place[:, 2])
        world = np.column_stack([place[:, 2], place[:, :2], size, turn])[order]
        wave = None
        if lobes:
            n = np.arange(2.0, 6.0)
            wave = np.column_stack(
                [n, self.rng.normal(0, lobes, 4) / np.sqrt(n - 1), self.rng.uniform(0, 2 * np.pi, 4)]
            )
        return Piece(self.named(name), tissue, Stack(world, power, wave), only, 0.0, rim)
