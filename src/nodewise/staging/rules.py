"""The N rules for lung cancer, TNM 8th and 9th edition, as tables.

8th: Asamura et al. 2015, J Thorac Oncol 10:1675; 9th: Huang et al. 2024, J Thorac Oncol 19:766 (N2 divided, all else
as before). Stations: IASLC map, Rusch et al. 2009, J Thorac Oncol 4:568.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

# Station without its side: the level when it lies on the primary's side or has no side, and on the other side.
LEVELS = MappingProxyType(
    {
        "1": (3, 3),
        "2": (2, 3),
        "3a": (2, 3),
        "3p": (2, 3),
        "4": (2, 3),
        "5": (2, 3),
        "6": (2, 3),
        "7": (2, 2),
        "8": (2, 3),
        "9": (2, 3),
        "10": (1, 3),
        "11": (1, 3),
        "12": (1, 3),
        "13": (1, 3),
        "14": (1, 3),
        "unknown": (1, 1),  # a metastatic regional node, so N1 or higher
    }
)
_LEFT_BY_DEFINITION = frozenset({"5", "6"})

RULES = MappingProxyType(
    {
        "N0": "No metastasis in a regional lymph node.",
        "N1": "Metastasis in ipsilateral hilar, interlobar or intrapulmonary nodes (stations 10 to 14).",
        "N2": "Metastasis in ipsilateral mediastinal or subcarinal nodes (stations 2 to 9).",
        "N2a": "Metastasis in a single ipsilateral mediastinal station, or in the subcarinal station alone.",
        "N2b": "Metastasis in several ipsilateral mediastinal stations, the subcarinal station counted among them.",
        "N3": "Metastasis in contralateral mediastinal or hilar nodes, or in supraclavicular nodes (station 1).",
        "unknown": "Metastasis in a regional node whose station is unknown: N1 or higher.",
    }
)
CATEGORIES = MappingProxyType({8: ("N0", "N1", "N2", "N3"), 9: ("N0", "N1", "N2a", "N2b", "N3")})


@dataclass(frozen=True, slots=True)
class Category:
    """An N category, the sentence that makes it, and the stations that drive it (those of the highest level)."""

    name: str
    rule: str
    driving: frozenset[Station]


def level(station: Station, primary: Side) -> int:
    """0 to 3 of N for a metastasis in this station; an unknown station counts 1.

    >>> level(Station.S4L, Side.LEFT), level(Station.S4L, Side.RIGHT), level(Station.S7L, Side.RIGHT)
    (2, 3, 2)
    """
    side = Side.LEFT if station.zone in _LEFT_BY_DEFINITION else station.side
    ipsilateral, contralateral = LEVELS[station.zone]
    return contralateral if side is primary.other else ipsilateral


def n_category(stations: Iterable[Station], primary: Side, edition: int) -> Category:
    """The N category of metastases in these stations.

    N2a and N2b count stations, not nodes, and by the name without its side: 7R with 7L is one station, so is 3a with
    3aR; 3a and 3p are two, as on the IASLC map. (On the ipsilateral side nothing else can double.)

    Args:
        stations: of the metastatic nodes, repeated or not.
        primary: side of the primary tumour.
        edition: of the TNM classification, 8 or 9.

    Raises:
        BadInputError: any other edition.
    """
    check_edition(edition)
    by_level = {station: level(station, primary) for station in stations}
    top = max(by_level.values(), default=0)
    driving = frozenset(station for station, its in by_level.items() if its == top)
    name = f"N{top}"
    if edition == 9 and top == 2:
        name = "N2a" if len({station.zone for station in driving}) == 1 else "N2b"
    return Category(name, RULES["unknown" if driving == {Station.UNKNOWN} else name], driving)


def check_edition(edition: int) -> None:
    """Refuses every edition but the 8th and 9th."""
    if edition not in CATEGORIES:
        raise BadInputError(f"no N rules for TNM edition {edition}: choose 8 or 9")
