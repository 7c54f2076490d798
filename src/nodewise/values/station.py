"""Lymph node stations of the lung and the sides of the body (IASLC map, Rusch et al. 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
import numpy.typing as npt


class Side(Enum):
    """A side of the patient, never of the picture."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Station(Enum):
    """Every IASLC station; 3a, 3p, 7 and 8 with and without a side (LyNoS gives them one).

    >>> Station("4R").side
    <Side.RIGHT: 'right'>
    >>> Station("3a").zone, Station("3a").side
    ('3a', None)
    """

    UNKNOWN = "unknown"
    S1R, S1L = "1R", "1L"
    S2R, S2L = "2R", "2L"
    S3A, S3P = "3a", "3p"
    S4R, S4L = "4R", "4L"
    S5, S6, S7, S8 = "5", "6", "7", "8"
    S9R, S9L = "9R", "9L"
    S10R, S10L = "10R", "10L"
    S11R, S11L = "11R", "11L"
    S12R, S12L = "12R", "12L"
    S13R, S13L = "13R", "13L"
    S14R, S14L = "14R", "14L"
    S3AR, S3AL = "3aR", "3aL"
    S3PR, S3PL = "3pR", "3pL"
    S7R, S7L = "7R", "7L"
    S8R, S8L = "8R", "8L"

    @property
    def code(self) -> str:
        """The name as printed, ``4R``."""
        return self.value

    @property
    def zone(self) -> str:
        """The name without its side, ``4``."""
        return self.value.rstrip("RL")

    @property
    def side(self) -> Side | None:
        """The side in the name; none for a midline station, nor for 5 and 6, which lie on the left by definition."""
        return {"R": Side.RIGHT, "L": Side.LEFT}.get(self.value[-1])

    @property
    def label(self) -> int:
        """The station's number in a label map; 0 is unknown, the others never change."""
        return _LABELS[self]

    @staticmethod
    def of_label(label: int) -> Station:
        """The station with this number in a label map.

        Raises:
            ValueError: there is none.
        """
        if not 0 <= label < len(_MEMBERS):
            raise ValueError(f"no station has the label {label}")
        return _MEMBERS[label]


_MEMBERS = tuple(Station)
_LABELS = {station: label for label, station in enumerate(_MEMBERS)}


def sided_swap(stations: Sequence[Station] = _MEMBERS, *, ignore: int = 255) -> npt.NDArray[np.uint8]:
    """The label of each label's mirror image, (256,): 2R becomes 2L, 7 stays 7.

    Stations 5 and 6, which lie on the left by definition, have no mirror image, nor has a station whose other side is
    not among ``stations``: they become ``ignore``, as ``ignore`` and labels without a station do.

    Args:
        stations: of the labels 0, 1, 2, …, UNKNOWN for background; those of ``Station.label`` unless given.
        ignore: label of what is not to be learned.

    >>> table = sided_swap()
    >>> Station.of_label(int(table[Station.S2R.label]))
    <Station.S2L: '2L'>
    """
    table = np.full(256, ignore, np.uint8)
    for label, station in enumerate(stations):
        if station in (Station.S5, Station.S6):
            continue
        code = station.zone + {"R": "L", "L": "R"}[station.value[-1]] if station.side else station.value
        if Station(code) in stations:
            table[label] = stations.index(Station(code))
    return table
