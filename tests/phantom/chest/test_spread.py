from __future__ import annotations

import collections

import numpy as np
import pytest

from nodewise.phantom.body import Tumour
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.chest.spread import Wanted, spread
from nodewise.staging.rules import level, n_category
from nodewise.values.station import Side, Station


def _tumour(site: str, diameter: float = 30.0) -> Tumour:
    side = Side.LEFT if site.endswith("left") else Side.RIGHT
    return Tumour(site, side, diameter, "T1c", (0.0, 0.0, 0.0))


def _many(site: str, hard: tuple[Hard, ...] = (), count: int = 400, diameter: float = 30.0) -> list[list[Wanted]]:
    rng = np.random.default_rng(0)
    return [spread(rng, _tumour(site, diameter), hard) for _ in range(count)]


def _ill(nodes: list[Wanted]) -> set[Station]:
    return {n.station for n in nodes if n.status.malignant}


@pytest.fixture(scope="module")
def right_upper() -> list[list[Wanted]]:
    return _many("upper lobe right")


def test_every_category_occurs_as_often_as_in_nsclc_radiomics(right_upper: list[list[Wanted]]) -> None:
    found = collections.Counter(n_category(_ill(p), Side.RIGHT, 9).name for p in right_upper)
    assert set(found) == {"N0", "N1", "N2a", "N2b", "N3"}
    assert found["N0"] / 400 == pytest.approx(170 / 419, abs=0.07)
    assert (found["N2a"] + found["N2b"]) / 400 == pytest.approx(141 / 419, abs=0.07)
    assert found["N3"] / 400 == pytest.approx(85 / 419, abs=0.06)
    assert min(found["N2a"], found["N2b"]) > 30


def test_a_larger_tumour_has_spread_more_often() -> None:
    small, large = (sum(bool(_ill(p)) for p in _many("lower lobe left", diameter=mm, count=300)) for mm in (10.0, 80.0))
    assert small < 0.85 * large


@pytest.mark.parametrize(
    ("site", "first", "seldom"),
    [
        ("upper lobe right", "4R", "8"),
        ("upper lobe left", "5", "8"),
        ("lower lobe right", "7", "3a"),
        ("lower lobe left", "7", "6"),
    ],
)
def test_each_lobe_drains_to_its_own_stations_first(site: str, first: str, seldom: str) -> None:
    found = collections.Counter(s.code for p in _many(site, count=250) for s in _ill(p))
    side = Side.LEFT if site.endswith("left") else Side.RIGHT
    mediastinal = {code: n for code, n in found.items() if level(Station(code), side) == 2}
    assert max(mediastinal, key=lambda code: mediastinal[code]) == first
    assert mediastinal.get(seldom, 0) < 0.3 * mediastinal[first]


def test_the_hilum_comes_first_but_is_sometimes_skipped(right_upper: list[list[Wanted]]) -> None:
    levels = [{level(s, Side.RIGHT) for s in _ill(p)} for p in right_upper]
    n2 = [found for found in levels if max(found, default=0) == 2]
    assert 0.15 < np.mean([1 not in found for found in n2]) < 0.45


def test_number_and_size_of_nodes(right_upper: list[list[Wanted]]) -> None:
    counts = np.array([len(p) for p in right_upper])
    assert 8.6 < counts.mean() < 17.5  # P3, Table 1: the least and the most of its fully annotated sets
    assert counts.min() >= 4
    assert len(np.unique(counts)) > 12
    for nodes in right_upper[:20]:
        sizes = [n.short_mm for n in nodes]
        assert sizes == sorted(sizes, reverse=True)
        assert 2.8 <= sizes[-1] <= sizes[0] <= 42


def test_malignant_nodes_are_not_larger(right_upper: list[list[Wanted]]) -> None:
    for_status = {
        bad: np.median(
            [n.short_mm for p in right_upper for n in p if n.status.malignant is bad and n.station.zone == "4"]
        )
        for bad in (True, False)
    }
    assert for_status[True] / for_status[False] == pytest.approx(1.0, abs=0.25)


def test_few_none_and_huge() -> None:
    assert {len(p) for p in _many("upper lobe left", (Hard.FEW_NODES,), 60)} == {1, 2, 3}
    assert {len(p) for p in _many("upper lobe left", (Hard.NO_NODES,), 5)} == {0}
    for nodes in _many("middle lobe right", (Hard.CONGLOMERATE,), 30):
        malignant = collections.Counter(n.station for n in nodes if n.status.malignant)
        station = malignant.most_common(1)[0][0]
        mass = [n for n in nodes if n.station is station]
        assert level(station, Side.RIGHT) >= 2
        assert len(mass) >= 4
        assert mass[0].short_mm >= 26
        assert all(n.status.malignant for n in mass)
        assert all(n.touching for n in mass[1:])


def test_the_operated_side_has_no_hilar_nodes_left() -> None:
    for nodes in _many("upper lobe right", (Hard.POST_SURGICAL,), 40):
        left = {n.station for n in nodes if not n.status.malignant and n.station not in _ill(nodes)}
        assert not left & {Station("10L"), Station("11L"), Station("12L"), Station("5")}
