"""A box of voxels: where in a grid something lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index3 = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open range of voxel indices, ``start <= (i, j, k) < stop``.

    >>> Box((1, 2, 3), (4, 4, 4)).shape
    (3, 2, 1)
    """

    start: Index3
    stop: Index3

    def __post_init__(self) -> None:
        if any(b < a for a, b in zip(self.start, self.stop, strict=True)):
            raise ValueError(f"a box cannot end before it starts: {self.start} to {self.stop}")

    @property
    def shape(self) -> Index3:
        """Voxels along each axis."""
        a, b = self.start, self.stop
        return (b[0] - a[0], b[1] - a[1], b[2] - a[2])

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into an array."""
        a, b = self.start, self.stop
        return (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2]))

    def expanded(self, margin: int | Index3) -> Box:
        """This box with ``margin`` more voxels on every side (it may leave the grid: see ``clipped``)."""
        m = (margin, margin, margin) if isinstance(margin, int) else margin
        a, b = self.start, self.stop
        return Box((a[0] - m[0], a[1] - m[1], a[2] - m[2]), (b[0] + m[0], b[1] + m[1], b[2] + m[2]))

    def clipped(self, shape: Index3) -> Box:
        """The part of this box inside a grid of ``shape``; empty where there is none."""
        start = tuple(min(max(a, 0), n) for a, n in zip(self.start, shape, strict=True))
        stop = tuple(min(max(b, a), n) for b, a, n in zip(self.stop, start, shape, strict=True))
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def shifted(self, offset: Index3) -> Box:
        """This box moved by ``offset`` voxels."""
        a, b, o = self.start, self.stop, offset
        return Box((a[0] + o[0], a[1] + o[1], a[2] + o[2]), (b[0] + o[0], b[1] + o[1], b[2] + o[2]))

    @staticmethod
    def around(mask: npt.NDArray[np.bool_]) -> Box:
        """The smallest box that holds every true voxel.

        Raises:
            ValueError: nothing in ``mask`` is true.
        """
        spans: list[tuple[int, int]] = []
        for axis in range(3):
            others = tuple(a for a in range(3) if a != axis)
            hit = np.flatnonzero(mask.any(axis=others))
            if hit.size == 0:
                raise ValueError("an empty mask has no bounding box")
            spans.append((int(hit[0]), int(hit[-1]) + 1))
        return Box((spans[0][0], spans[1][0], spans[2][0]), (spans[0][1], spans[1][1], spans[2][1]))
