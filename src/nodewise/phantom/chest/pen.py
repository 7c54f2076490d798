"""Drawing organs of the chest: smooth tubes through a template's points, a little elsewhere in every person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.draw.shapes import Floats, Shape, Tube, curve
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One organ, or a piece of it: painted with ``wall_mm`` of ``wall`` around it.

    Attributes:
        organ: its name in ``organ_names.ORGANS``, where ``name`` is not one already; empty for what has no class.
    """

    name: str
    tissue: Tissue
    shape: Shape
    wall: Tissue | None = None
    wall_mm: float = 0.0
    organ: str = ""

    @property
    def number(self) -> int:
        """The organ's number in a label map, 0 for none."""
        return ORGANS.get(self.organ or self.name, 0)


class Pen:
    """Draws smooth tubes through template points, a little elsewhere in every person."""

    def __init__(self, person: Habitus, rng: np.random.Generator) -> None:
        self.person, self.rng = person, rng

    def way(self, points: Sequence[tuple[float, float, float]], loose: float = 1.0) -> Floats:
        """World control points, moved together and each a little."""
        p = self.person.world(points)
        amount = self.person.jitter * loose
        move = self.rng.normal(0, amount, 3) + self.rng.normal(0, 0.6 * amount, p.shape)
        return p + move

    def tube(
        self,
        name: str,
        tissue: Tissue,
        points: Sequence[tuple[float, float, float]],
        radii: Sequence[float],
        loose: float = 1.0,
        flat: float = 1.0,
        organ: str = "",
    ) -> Part:
        """A vessel or the like; ``radii`` in mm before the person's calibre."""
        r = np.asarray(radii) * self.person.calibre
        return Part(name, tissue, curve(self.way(points, loose), r, flat=flat), organ=organ)

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly."""
        return float(self.rng.uniform(low, high))


def pushed(part: Part, obstacles: Sequence[Part], gap: float = 1.5) -> Part:
    """A tube moved sideways (in the axial plane) until it no longer runs into the ``obstacles``, which stay."""
    tube = part.shape
    assert isinstance(tube, Tube)
    points = tube.points.copy()
    for _ in range(2):
        for other in (o.shape for o in obstacles):
            assert isinstance(other, Tube)
            distance, nearest = cKDTree(other.points).query(points)
            wall = part.wall_mm + gap
            deep = other.radii[nearest] * (1 + 1 / other.flat) / 2 + tube.radii / tube.flat + wall - distance
            away = points - other.points[nearest]
            away[:, 2] = 0
            away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-3)
            move = away * np.clip(deep, 0, 12)[:, None]
            if len(points) > 4:
                move = ndimage.gaussian_filter1d(move, 1.2, axis=0, mode="nearest")
            points += move
    return replace(part, shape=replace(tube, points=points))
