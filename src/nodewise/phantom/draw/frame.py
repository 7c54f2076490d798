"""Where a template of the neck or the abdomen lies in one person: scaled, turned, and bent as people are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One person's measures; the template's own frame is LPS mm.

    Attributes:
        scale: of the template along x, y, z. turn_rad: about z. origin: where the template's origin lies in the world.
        calibre: factor on vessels' radii. jitter: standard deviation of a control point's place, mm.
        fat: thickness under the skin, mm.
        waves: (n, 7) bends that neighbours share: wave vector in rad/mm, phase, and amplitude in mm.
    """

    scale: Floats
    turn_rad: float
    origin: Floats
    calibre: float
    jitter: float
    fat: float
    waves: Floats

    @property
    def size(self) -> float:
        """Factor on lengths in the axial plane."""
        return float(np.sqrt(self.scale[0] * self.scale[1]))

    def world(self, points: npt.ArrayLike) -> Floats:
        """Template points (…, 3) in the world."""
        p = np.asarray(points, float)
        bent = p + np.sin(p @ self.waves[:, :3].T + self.waves[:, 3]) @ self.waves[:, 4:]
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        return np.asarray((bent * self.scale) @ turn.T + self.origin)


def draw_frame(rng: np.random.Generator, fat: float, bend_mm: float) -> Frame:
    """Draw one person; ``bend_mm`` is how far a point may lie from a straight template."""
    size = float(np.clip(rng.normal(1.0, 0.06), 0.84, 1.16))
    heading = rng.normal(0, 1, (4, 3))
    heading *= (2 * np.pi / rng.uniform(130, 260, 4) / np.linalg.norm(heading, axis=1))[:, None]
    amplitude = rng.normal(0, bend_mm / 2, (4, 3)) * (1, 1, 0.6)
    return Frame(
        scale=size * np.exp(rng.normal(0, (0.04, 0.04, 0.04))),
        turn_rad=float(np.deg2rad(rng.normal(0, 3.0))),
        origin=rng.normal(0, (8, 12, 50)).round(1),
        calibre=float(np.sqrt(size) * rng.uniform(0.88, 1.12)),
        jitter=float(rng.uniform(0.4, 1.0)),
        fat=fat,
        waves=np.column_stack([heading, rng.uniform(0, 2 * np.pi, 4), amplitude]),
    )
