"""Shapes given by their axial sections, and shapes cut by a plane or by another shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Axes, Field, Floats, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Axial sections one over another: ellipses or superellipses, turned and moved smoothly from level to level.

    Attributes:
        rows: (n, 6) by ascending height: z, centre x and y, half length along and across (mm), turn (radians).
        power: 2 for ellipses, more for squarer ones.
        lobes: (m, 3) of number, size and phase: the outline swings by ``size`` that many times around.
    """

    rows: Floats
    power: float = 2.0
    lobes: Floats | None = None

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        r = self.rows[:, 3:5].max(axis=1) * 1.2
        low, high = self.rows[:, 1:3] - r[:, None], self.rows[:, 1:3] + r[:, None]
        return np.append(low.min(axis=0), self.rows[0, 0]), np.append(high.max(axis=0), self.rows[-1, 0])

    def at(self, z: npt.NDArray[np.floating]) -> Floats:
        """Centre x and y, half lengths and turn (5, …) at heights ``z``; the ends hold beyond."""
        return np.array([np.interp(z, self.rows[:, 0], self.rows[:, c]) for c in range(1, 6)])

    def distance(self, axes: Axes, reach: float) -> Field:  # noqa: ARG002 - same call as a tube's
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm), near the surface and within a section."""
        x, y, z = axes
        cx, cy, a, b, turn = (v.astype(np.float32)[:, None, None] for v in self.at(z))
        px, py = x[None, None, :] - cx, y[None, :, None] - cy
        c, s = np.cos(turn), np.sin(turn)
        u, v = (c * px + s * py) / a, (c * py - s * px) / b
        if self.lobes is not None:
            angle = np.arctan2(v, u)
            swing = 1 + sum(
                np.float32(size) * np.cos(np.float32(n) * angle + np.float32(at)) for n, size, at in self.lobes
            )
            u, v = u / swing, v / swing
        if self.power == 2.0:
            near = np.sqrt(u * u + v * v)
            d = near * (near - 1) / np.sqrt(np.maximum((u / a) ** 2 + (v / b) ** 2, 1e-9))
        else:
            near = (np.abs(u) ** self.power + np.abs(v) ** self.power) ** np.float32(1 / self.power)
            d = np.hypot(u * a, v * b) * (1 - 1 / np.maximum(near, np.float32(1e-3)))
        d = np.where(near < 1e-3, -np.minimum(a, b), d)
        ends = np.maximum(z - self.rows[-1, 0], self.rows[0, 0] - z).astype(np.float32)
        return np.asarray(np.maximum(d, ends[:, None, None]), np.float32).T


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The part of a shape on one side of a plane across axis ``axis``: beyond ``at`` mm if ``beyond``, else before."""

    whole: Shape
    axis: int
    at: float
    beyond: bool = False

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        low, high = (b.copy() for b in self.whole.bounds)
        if self.beyond:
            low[self.axis] = max(low[self.axis], self.at)
        else:
            high[self.axis] = min(high[self.axis], self.at)
        return low, high

    def distance(self, axes: Axes, reach: float) -> Field:
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm)."""
        shape = [1, 1, 1]
        shape[self.axis] = -1
        plane = (axes[self.axis] - np.float32(self.at)).reshape(shape)
        return np.asarray(np.maximum(self.whole.distance(axes, reach), -plane if self.beyond else plane))


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """The part of a shape that lies at least ``inset`` mm inside another."""

    whole: Shape
    bound: Shape
    inset: float = 0.0

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner, LPS mm."""
        (a, b), (c, d) = self.whole.bounds, self.bound.bounds
        return np.maximum(a, c), np.minimum(b, d)

    def distance(self, axes: Axes, reach: float) -> Field:
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm)."""
        bound = self.bound.distance(axes, reach) + np.float32(self.inset)
        return np.asarray(np.maximum(self.whole.distance(axes, reach), bound))
