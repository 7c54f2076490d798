"""What makes a patient hard to read, each to be switched on by name, and how organs move with it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import Enum

import numpy as np

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.pen import Part
from nodewise.phantom.chest.thorax import Smooth
from nodewise.phantom.draw.shapes import Blob, Floats, Tube
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side


class Hard(Enum):
    """A kind of patient in whom nodes are hard to find, or hard to tell apart."""

    EFFUSION = "effusion"
    COLLAPSED_LOBE = "collapsed_lobe"
    HILAR_MASS = "hilar_mass"
    POST_SURGICAL = "post_surgical"
    CONGLOMERATE = "conglomerate"
    FEW_NODES = "few_nodes"
    NO_NODES = "no_nodes"


FREQUENCY = {
    Hard.EFFUSION: 0.14,
    Hard.COLLAPSED_LOBE: 0.07,
    Hard.HILAR_MASS: 0.10,
    Hard.POST_SURGICAL: 0.05,
    Hard.CONGLOMERATE: 0.06,
    Hard.FEW_NODES: 0.04,
    Hard.NO_NODES: 0.02,
}
"""Share of patients with each kind where none is asked for; chosen, so that all are seen in a cohort of a hundred."""

_NUMBER = (Hard.CONGLOMERATE, Hard.FEW_NODES, Hard.NO_NODES)  # of one patient, only one of these can be true


def draw_hard(rng: np.random.Generator) -> tuple[Hard, ...]:
    """Draw what is hard about a patient; nothing in six of ten."""
    drawn = [kind for kind, p in FREQUENCY.items() if rng.random() < p]
    number = [kind for kind in drawn if kind in _NUMBER]
    return tuple(kind for kind in drawn if kind not in number[1:])


def checked(kinds: Collection[Hard]) -> tuple[Hard, ...]:
    """``kinds`` in the order of ``Hard``, each once.

    Raises:
        BadInputError: two of them exclude each other.
    """
    number = [kind.value for kind in _NUMBER if kind in kinds]
    if len(number) > 1:
        raise BadInputError(f"a patient cannot have {' and '.join(number)} at once: ask for one of them")
    return tuple(kind for kind in Hard if kind in kinds)


def lost_side(kinds: Collection[Hard], primary: Side) -> tuple[Side | None, float]:
    """The side on which lung is lost, and how far it draws the mediastinum over, mm.

    A collapsed lobe is the tumour's. An operation was on the other side, for an earlier tumour, so that the present one
    stays where it is drawn.
    """
    if Hard.POST_SURGICAL in kinds:
        return primary.other, 13.0
    if Hard.COLLAPSED_LOBE in kinds:
        return primary, 6.0
    return None, 0.0


def drawn_over(parts: Sequence[Part], person: Habitus, side: Side | None, mm: float) -> list[Part]:
    """Organs of the mediastinum moved sideways: fully in front, little beside the spine, not at the neck."""
    if side is None:
        return list(parts)
    sign = 1.0 if side is Side.LEFT else -1.0

    def moved(points: Floats) -> Floats:
        away = points - person.carina
        front = np.interp(away[:, 1], (-20, 35), (1.0, 0.25))
        height = np.interp(away[:, 2], (-140, -60, 40, 95), (0.4, 1.0, 1.0, 0.0))
        return np.asarray(points + (sign * mm * front * height)[:, None] * (1.0, 0.0, 0.0))

    found = []
    for part in parts:
        shape = part.shape
        if isinstance(shape, Tube):
            shape = replace(shape, points=moved(shape.points))
        elif isinstance(shape, Blob):
            shape = replace(shape, centres=moved(shape.centres))
        found.append(replace(part, shape=shape))
    return found


def raised(dome: Smooth, person: Habitus, side: Side | None, mm: float) -> Smooth:
    """The diaphragm lifted by ``mm`` on the side where lung is lost."""
    if side is None:
        return dome
    sign = 1.0 if side is Side.LEFT else -1.0
    u, _, _ = person.template(dome.axes)
    lift = mm * np.clip(sign * u / 30, 0, 1)
    return replace(dome, values=np.asfortranarray(dome.values + lift, np.float32))
