"""How many nodes a patient has, in which stations, how large, and to which of them the tumour has spread."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nodewise.phantom.body import Tumour
from nodewise.phantom.chest.hard import Hard
from nodewise.values.node import Status
from nodewise.values.station import Side, Station

# How often a node lies where: every station of the map is in play, weighted as chest CT shows them.
_WHERE = {
    "1R": 2, "1L": 2, "2R": 6, "2L": 3, "3a": 3, "3p": 2, "4R": 20, "4L": 9, "5": 9, "6": 7, "7": 13, "8": 5, "9R": 1,
    "9L": 1, "10R": 7, "10L": 6, "11R": 7, "11L": 6, "12R": 2, "12L": 2, "13R": 0.7, "13L": 0.7, "14R": 0.5, "14L": 0.5,
}  # fmt: skip
# Size of a node beside others': median short axes by place in DeepLesion (pretracheal 15.8, subcarinal 14.3, superior
# 12.2, right hilum 12.8, left hilum 11.8 mm) over the 13.6 mm of all; where there is none, a judgement.
_LARGE = {"4": 1.16, "7": 1.05, "2": 0.9, "3a": 0.9, "3p": 0.9, "5": 0.95, "6": 0.9, "8": 0.92, "9": 0.85}
_HILAR = 0.91
# Mediastinal stations each lobe drains to, the likeliest first: upper lobes to the upper or the aortopulmonary zone,
# lower lobes to the subcarinal one (nodes of resected patients; Asamura 1999, J Thorac Cardiovasc Surg 117:1102).
_DRAINS: Mapping[str, Mapping[str, float]] = {
    "upper lobe right": {"4R": 10, "2R": 5, "7": 2, "3a": 1, "3p": 0.5},
    "middle lobe right": {"7": 6, "4R": 6, "2R": 2, "3a": 1},
    "lower lobe right": {"7": 10, "4R": 4, "8": 2, "9R": 1.5, "2R": 1},
    "upper lobe left": {"5": 9, "6": 5, "4L": 4, "7": 1.5, "2L": 1},
    "lower lobe left": {"7": 9, "4L": 3, "5": 3, "8": 2, "9L": 1.5},
}
_ROOMY = ("4R", "2R", "5", "6", "7")  # where a conglomerate finds room
_HILUM = {"10": 5.0, "11": 6.0, "12": 2.5, "13": 0.7, "14": 0.4}
# N0, N1, N2, N3 of 422 patients with non-small-cell lung cancer (NSCLC-Radiomics): 170, 23, 141, 85.
_CATEGORY = np.array((170, 23, 141, 85), float) / 419
_CLUSTERED = 0.45  # of nodes touch another one of their station
_MEDIAN_MM = 8.2
_SPREAD = 0.62  # of log size within a patient
_PATIENT = 0.40  # of log size between patients: some have large nodes for other reasons than the tumour
_MALIGNANT = 1.05  # beside a benign node's size: so chosen that size alone hardly tells patients apart


@dataclass(frozen=True, slots=True)
class Wanted:
    """A node to be drawn: ``short_mm`` is its smallest axial diameter; ``touching`` another node of its station."""

    station: Station
    status: Status
    short_mm: float
    touching: bool


def spread(rng: np.random.Generator, tumour: Tumour, hard: Collection[Hard] = ()) -> list[Wanted]:
    """The nodes of one patient whose lung tumour is ``tumour``, the largest first."""
    assert tumour.side is not None
    ill = _involved(rng, tumour)
    packed = None
    if Hard.CONGLOMERATE in hard:
        packed = _drawn(rng, {c: w for c, w in _DRAINS[tumour.site].items() if c in _ROOMY}, 1)[0]
        ill = list(dict.fromkeys([*ill, packed]))
    stations = _stations(rng, tumour.side, ill, hard)
    statuses = _statuses(rng, stations, ill)
    offset = rng.normal(0, _PATIENT)
    wanted = []
    for station, status in zip(stations, statuses, strict=True):
        short = _MEDIAN_MM * _by_station(station) * np.exp(offset + rng.normal(0, _SPREAD))
        if status.malignant:
            short *= _MALIGNANT * (1.08 if status is Status.EXTRANODAL else 1.0)
        wanted.append(Wanted(station, status, float(np.clip(short, 2.8, 42)), bool(rng.random() < _CLUSTERED)))
    if packed is not None:
        wanted = _bulky(rng, wanted, packed)
    return sorted(wanted, key=lambda w: -w.short_mm)


def _involved(rng: np.random.Generator, tumour: Tumour) -> list[Station]:
    """Stations with metastasis: the hilum first, then the lobe's own mediastinal stations, then the other side."""
    side = tumour.side
    assert side is not None
    here, there = ("L", "R") if side is Side.LEFT else ("R", "L")
    odds = _CATEGORY.copy()
    odds[1:] *= (tumour.diameter_mm / 30) ** 0.5
    category = int(rng.choice(4, p=odds / odds.sum()))
    codes: list[str] = []
    hilum = {f"{zone}{here}": weight for zone, weight in _HILUM.items()}
    if category == 1 or (category > 1 and rng.random() < 0.72):  # else the hilum is skipped
        codes += [s.code for s in _drawn(rng, hilum, int(rng.choice((1, 2), p=(0.75, 0.25))))]
    if category == 2 or (category == 3 and rng.random() < 0.85):
        codes += [s.code for s in _drawn(rng, _DRAINS[tumour.site], int(rng.choice((1, 2, 3), p=(0.52, 0.32, 0.16))))]
    if category == 3:
        other = {f"4{there}": 5, f"2{there}": 2.5, f"10{there}": 2.5, f"11{there}": 1.5, "1R": 1.5, "1L": 1.5}
        other |= {"5": 2.0, "6": 1.0} if side is Side.RIGHT else {}
        other[f"1{here}"] += 2.5
        codes += [s.code for s in _drawn(rng, other, int(rng.choice((1, 2), p=(0.7, 0.3))))]
    return [Station(code) for code in dict.fromkeys(codes)]


def _drawn(rng: np.random.Generator, weights: Mapping[str, float], count: int) -> list[Station]:
    codes, p = list(weights), np.array(list(weights.values()), float)
    return [Station(str(c)) for c in rng.choice(codes, min(count, len(codes)), replace=False, p=p / p.sum())]


def _stations(rng: np.random.Generator, primary: Side, ill: list[Station], hard: Collection[Hard]) -> list[Station]:
    """The station of each node: one at least for each of the ``ill`` ones, mostly more."""
    if Hard.NO_NODES in hard:
        return []
    count = int(np.clip(np.rint(rng.gamma(6.0, 14.2 / 6.0)), 4, 30))
    codes, weights = list(_WHERE), np.array(list(_WHERE.values()), float)
    if Hard.POST_SURGICAL in hard:  # nodes on the side of the operation were taken out with the lung
        gone = {Side.LEFT: ("10L", "11L", "12L", "13L", "14L", "5"), Side.RIGHT: ("10R", "11R", "12R", "13R", "14R")}
        weights[np.isin(codes, gone[primary.other])] = 0
        count = max(3, count // 2)
    if Hard.FEW_NODES in hard:
        count = int(rng.integers(1, 4))
        return (ill + [Station(str(c)) for c in rng.choice(codes, count, p=weights / weights.sum())])[:count]
    more = [s for s in ill for _ in range(1 + int(rng.poisson(0.8)))]
    rest = max(0, count - len(more))
    return more + [Station(str(c)) for c in rng.choice(codes, rest, p=weights / weights.sum())]


def _statuses(rng: np.random.Generator, stations: list[Station], ill: list[Station]) -> list[Status]:
    """The first node of an ill station is malignant, others of it often; of these three in ten grow into the fat."""
    seen: set[Station] = set()
    found = []
    for station in stations:
        bad = station in ill and (station not in seen or rng.random() < 0.55)
        seen.add(station)
        kind = Status.EXTRANODAL if rng.random() < 0.3 else Status.MALIGNANT
        found.append(kind if bad else Status.BENIGN)
    return found


def _by_station(station: Station) -> float:
    hilar = station.zone in ("10", "11", "12", "13", "14")
    return _HILAR if hilar else _LARGE.get(station.zone, 1.0)


def _bulky(rng: np.random.Generator, wanted: list[Wanted], station: Station) -> list[Wanted]:
    """One station packed with large malignant nodes that touch."""
    kept = [w for w in wanted if w.station is not station]
    sizes = rng.uniform(13, 25, int(rng.integers(4, 8)))
    sizes[0] = rng.uniform(26, 38)
    kinds = [Status.EXTRANODAL if rng.random() < 0.6 else Status.MALIGNANT for _ in sizes]
    mass = [Wanted(station, k, float(s), True) for s, k in zip(sizes, kinds, strict=True)]
    return [*kept, replace(mass[0], touching=False), *mass[1:]]
