"""P(N category) from per-node probabilities, as if nodes were independent: an approximation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from nodewise.staging.rules import CATEGORIES, check_edition, level
from nodewise.values.station import Side, Station


def category_probabilities(
    stations: Sequence[Station], probabilities: Sequence[float], primary: Side, edition: int
) -> dict[str, float]:
    """P(category) for each category of the edition, from N0 up; sums to 1.

    Exact for independent nodes, in time linear in their number. Real nodes of one patient are not independent.
    Empty where a node with a probability above 0 lies in an unknown station: its category is then only bounded from
    below, and so is every P.

    Args:
        stations: one a node.
        probabilities: of being metastatic, one a node.
        primary: side of the primary tumour.
        edition: of the TNM classification, 8 or 9.
    """
    check_edition(edition)
    if any(s is Station.UNKNOWN and p > 0 for s, p in zip(stations, probabilities, strict=True)):
        return {}
    clear: dict[int, dict[str, float]] = {1: defaultdict(_one), 2: defaultdict(_one), 3: defaultdict(_one)}
    for station, p in zip(stations, probabilities, strict=True):
        clear[level(station, primary)][station.zone] *= 1.0 - p
    no_n1, one_n1, more_n1 = _none_one_more(clear[1].values())
    no_n2, one_n2, more_n2 = _none_one_more(clear[2].values())
    no_n3, one_n3, more_n3 = _none_one_more(clear[3].values())
    n3 = one_n3 + more_n3
    n2 = (no_n3 * (one_n2 + more_n2),) if edition == 8 else (no_n3 * one_n2, no_n3 * more_n2)
    values = (no_n3 * no_n2 * no_n1, no_n3 * no_n2 * (one_n1 + more_n1), *n2, n3)
    return dict(zip(CATEGORIES[edition], values, strict=True))


def _one() -> float:
    """Probability that a station without nodes is clear."""
    return 1.0


def _none_one_more(clear: Iterable[float]) -> tuple[float, float, float]:
    """P that none, exactly one, or several stations are metastatic, from the P that each is clear."""
    none, one, more = 1.0, 0.0, 0.0
    for q in clear:
        none, one, more = none * q, one * q + none * (1.0 - q), more + one * (1.0 - q)
    return none, one, more
