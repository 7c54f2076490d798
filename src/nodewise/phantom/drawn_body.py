"""One body of any region, drawn from its seed."""

from __future__ import annotations

from nodewise.phantom.abdomen import make_abdomen
from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.chest import make_chest
from nodewise.phantom.chest.hard import Hard, checked
from nodewise.phantom.neck import make_neck
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Point


def draw_body(seed: int, spacing_mm: Point, field_mm: float, region: BodyRegion, hard: tuple[str, ...] | None) -> Body:
    """Draw the body of ``region`` that belongs to ``seed``, on a square field of view.

    Args:
        seed: from 0.
        spacing_mm: of the grid, along x, y, z.
        field_mm: width of the field of view.
        region: which part of the body.
        hard: kinds of hard patient, by name; drawn where None.

    Raises:
        BadInputError: as ``check_hard``.
    """
    check_hard(hard, region)
    if region is BodyRegion.NECK:
        return make_neck(seed, spacing_mm, field_mm=field_mm, square=True)
    if region is BodyRegion.ABDOMEN:
        return make_abdomen(seed, spacing_mm, field_mm=field_mm, square=True)
    kinds = None if hard is None else checked([Hard(name) for name in hard])
    return make_chest(seed, spacing_mm, field_mm=field_mm, square=True, hard=kinds)


def check_hard(hard: tuple[str, ...] | None, region: BodyRegion) -> None:
    """Refuse kinds of hard patient that cannot be drawn.

    Raises:
        BadInputError: a name that there is not, kinds that exclude each other, or a region other than the chest.
    """
    if not hard:
        return
    names = [kind.value for kind in Hard]
    for name in hard:
        if name not in names:
            raise BadInputError(f"no hard patient is called {name}: choose among {', '.join(names)}")
    if region is not BodyRegion.CHEST:
        raise BadInputError(f"hard patients are drawn in the chest only, not in the {region.value}")
    checked([Hard(name) for name in hard])
