from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from nodewise.phantom.body import Body
from nodewise.phantom.chest.hard import FREQUENCY, Hard, checked, draw_hard
from nodewise.phantom.chest.illness import largest_diameter, t_category
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side

SITES = {
    "upper lobe right", "middle lobe right", "lower lobe right", "upper lobe left", "lower lobe left",
}  # fmt: skip


@pytest.fixture
def bodies(easy: Body, crowded: Body, operated: Body) -> dict[Hard | None, Body]:
    return {
        None: easy, Hard.EFFUSION: crowded, Hard.COLLAPSED_LOBE: crowded, Hard.HILAR_MASS: operated,
        Hard.POST_SURGICAL: operated,
    }  # fmt: skip


def test_the_tumour_is_measured_on_what_is_painted(bodies: dict[Hard | None, Body]) -> None:
    for kind, body in bodies.items():
        tumour, g = body.tumour, body.geometry
        assert tumour is not None
        assert tumour.site in SITES
        assert tumour.side is (Side.LEFT if tumour.site.endswith("left") else Side.RIGHT)
        assert tumour.t_category == t_category(tumour.diameter_mm)
        places = g.grid.to_lps(np.argwhere(g.tissue == Tissue.TUMOUR))
        assert len(places) > 0, kind
        assert np.linalg.norm(places.mean(axis=0) - tumour.centre_mm) < 4
        assert pdist(places).max() == pytest.approx(tumour.diameter_mm, abs=6)


def test_the_tumour_lies_in_the_lobe_it_names(bodies: dict[Hard | None, Body]) -> None:
    body = bodies[None]
    assert body.tumour is not None
    organs, grid = np.asarray(body.organs.array), body.organs.grid
    names = {name: number for name, number in ORGANS.items() if name.startswith("lung_")}
    places = grid.to_lps(np.argwhere(np.isin(organs, list(names.values())))) - body.tumour.centre_mm
    near = np.linalg.norm(places, axis=1) < 0.5 * body.tumour.diameter_mm + 9
    found = organs[np.isin(organs, list(names.values()))][near]
    assert np.bincount(found).argmax() == names["lung_" + body.tumour.site.replace(" ", "_")]


def test_each_kind_is_seen(bodies: dict[Hard | None, Body]) -> None:
    def litres(kind: Hard | None, tissue: Tissue) -> float:
        return float((bodies[kind].geometry.tissue == tissue).sum()) * 27e-6

    assert litres(Hard.EFFUSION, Tissue.EFFUSION) > litres(None, Tissue.EFFUSION) + 0.1
    assert litres(Hard.COLLAPSED_LOBE, Tissue.CONSOLIDATION) > litres(None, Tissue.CONSOLIDATION) + 0.03
    mass, plain = bodies[Hard.HILAR_MASS].tumour, bodies[None].tumour
    assert mass is not None
    assert plain is not None
    assert mass.diameter_mm > 38
    assert bodies[Hard.POST_SURGICAL].tumour is not None
    for kind, body in bodies.items():
        assert (len(body.hard) == 0) if kind is None else kind.value in body.hard


def test_an_operation_draws_the_mediastinum_over_and_leaves_metal(bodies: dict[Hard | None, Body]) -> None:
    after, before = bodies[Hard.POST_SURGICAL], bodies[None]
    assert before.tumour is not None
    sign = -1 if before.tumour.side is Side.LEFT else 1  # towards the side without the tumour
    moved = after.landmarks["carina"][0] - before.landmarks["carina"][0]
    assert 4 < sign * moved < 16
    assert ((after.geometry.tissue == Tissue.METAL) | (after.geometry.other == Tissue.METAL)).any()


def test_kinds_are_drawn_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_hard(rng) for _ in range(3000)]
    for kind, share in FREQUENCY.items():
        assert np.mean([kind in kinds for kinds in drawn]) == pytest.approx(share, abs=0.02)
    assert 0.5 < np.mean([not kinds for kinds in drawn]) < 0.7
    for kinds in drawn:
        assert checked(kinds) == kinds


def test_kinds_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(BadInputError, match="few_nodes and no_nodes"):
        checked((Hard.NO_NODES, Hard.FEW_NODES))
    assert checked((Hard.NO_NODES, Hard.EFFUSION, Hard.EFFUSION)) == (Hard.EFFUSION, Hard.NO_NODES)


@pytest.mark.parametrize(
    ("mm", "category"),
    [(10, "T1a"), (10.1, "T1b"), (20, "T1b"), (30, "T1c"), (40, "T2a"), (50, "T2b"), (70, "T3"), (70.1, "T4")],
)
def test_t_by_size(mm: float, category: str) -> None:
    assert t_category(mm) == category


@given(st.lists(st.tuples(*[st.integers(-9, 9)] * 3), min_size=1, max_size=30))
def test_largest_diameter_is_that_of_all_pairs(points: list[tuple[int, int, int]]) -> None:
    p = np.array(points, float)
    expected = pdist(p).max() if len(p) > 1 else 0.0
    assert largest_diameter(p) == pytest.approx(expected)
