"""One body of any region, drawn from its seed."""

from __future__ import annotations

from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.chest import make_chest
from nodewise.values.grid import Point


def draw_body(seed: int, spacing_mm: Point, field_mm: float, region: BodyRegion, hard: tuple[str, ...] | None) -> Body:
    """Draw the body of ``region`` that belongs to ``seed``, on a square field of view.

    Raises:
        BadInputError: ``hard`` names what does not exist, or not in this region.
    """
    return make_chest(seed, spacing_mm, field_mm=field_mm, square=True)
