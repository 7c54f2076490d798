"""The size-based suspicion."""

import numpy as np
import pytest

from nodewise.image.shape import measure
from nodewise.nodes.suspicion import METHOD, probability_of_size, size_suspicion
from nodewise.values.grid import Grid
from nodewise.values.node import BULK
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume


@pytest.mark.parametrize(("mm", "expected"), [(5, 0.05), (10, 0.5), (15, 0.95), (80, 1.0)])
def test_the_points_that_the_docstring_names(mm, expected):
    assert probability_of_size(mm) == pytest.approx(expected)


def test_larger_is_never_less_suspicious():
    values = [probability_of_size(mm) for mm in np.arange(0, 60, 0.25)]
    assert values == sorted(values)
    assert 0 < values[0] < 0.01


def test_every_node_gets_an_answer_from_its_recist_short_axis_and_the_method_says_it_is_not_calibrated():
    grid = Grid.of((40, 40, 1), (1.0, 1.0, 1.0))
    sizes = [measure(np.ones((n, n, 1), dtype=bool), Grid.of((n, n, 1), (1.0, 1.0, 1.0))) for n in (4, 20)]
    study = Study("a", Volume(np.zeros(grid.shape, dtype=np.float32), grid, Quantity.HU), Source(grid))
    answers = size_suspicion(study, [], sizes)
    assert [a.probability for a in answers] == [probability_of_size(s.short_axis_mm) for s in sizes]
    assert {a.method for a in answers} == {METHOD}
    assert "not calibrated" in METHOD


def test_more_than_30_mm_is_metastatic_unless_the_rule_is_left_out():
    grid = Grid.of((40, 40, 1), (1.0, 1.0, 1.0))
    size = measure(np.ones(grid.shape, dtype=bool), grid)
    study = Study("a", Volume(np.zeros(grid.shape, dtype=np.float32), grid, Quantity.HU), Source(grid))
    (on,), (off,) = size_suspicion(study, [], [size]), size_suspicion(study, [], [size], bulk=False)
    assert (off.probability, off.method, off.before_bulk) == (probability_of_size(size.short_axis_mm), METHOD, None)
    assert (on.probability, on.method, on.before_bulk) == (1.0, BULK, off.probability)
