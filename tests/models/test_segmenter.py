from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nodewise.models.preparation import Preparation
from nodewise.models.segmenter import segmenter
from nodewise.values.anatomy import Anatomy, Region
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

PREPARATION = Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0), (-1000.0, 600.0)), margin_mm=0.0)
REGION = Region((10.0, 10.0, 10.0), (50.0, 50.0, 50.0))


class Bright(nn.Module):
    """Node where the soft window is bright; keeps count of the windows it saw."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.windows = 0

    def forward(self, x):
        self.windows += len(x)
        node = (x[:, 0] - 0.425) * 40  # 10 HU, half way from fat to the ball
        return torch.stack((torch.zeros_like(node), node, torch.full_like(node, -20)), dim=1)


def _study(hu):
    grid = Grid.of(hu.shape, (1.0, 1.0, 1.0))
    return Study("a", Volume(hu, grid, Quantity.HU), Source(grid))


def _segmenter(network, **options):
    return segmenter([network], PREPARATION, (16, 16, 16), node_class=1, runtime="torch", **options)


def _fat_with_a_ball():
    hu = np.full((60, 60, 60), -100, np.float32)
    x, y, z = np.ogrid[:60, :60, :60]
    ball = (x - 30) ** 2 + (y - 24) ** 2 + (z - 36) ** 2 < 8**2
    hu[ball] = 120
    return hu, ball


def test_probability_lies_on_the_cts_voxels_where_the_ball_is():
    hu, ball = _fat_with_a_ball()
    study = _study(hu)
    answer = _segmenter(Bright())(study, Anatomy({}, REGION, how="test"))
    box = study.ct.grid.box_of(answer.grid)
    found, truth = answer.array > 0.5, ball[box.slices]
    assert answer.quantity is Quantity.PROBABILITY
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9


def test_outside_the_body_is_zero_and_its_windows_are_skipped():
    hu, ball = _fat_with_a_ball()
    study = _study(hu)
    body = np.zeros(hu.shape, np.uint8)
    body[36:] = 1
    organs = Volume(body, study.ct.grid, Quantity.LABEL)
    network, whole = Bright(), Bright()
    _segmenter(whole)(study, Anatomy({}, REGION, how="test"))
    answer = _segmenter(network)(study, Anatomy({}, REGION, how="test", organs=organs, organ_names={1: "body"}))
    box = study.ct.grid.box_of(answer.grid)
    assert not answer.array[body[box.slices] == 0].any()
    assert answer.array[(body[box.slices] == 1) & ball[box.slices]].max() > 0.9
    assert 0 < network.windows < whole.windows


def test_organs_without_a_body_do_not_cut_anything_off():
    hu, _ = _fat_with_a_ball()
    study = _study(hu)
    organs = Volume(np.zeros(hu.shape, np.uint8), study.ct.grid, Quantity.LABEL)
    a = _segmenter(Bright())(study, Anatomy({}, REGION, how="test"))
    b = _segmenter(Bright())(study, Anatomy({}, REGION, how="test", organs=organs, organ_names={1: "lung"}))
    np.testing.assert_array_equal(a.array, b.array)


def test_windows_of_air_are_skipped():
    hu, _ = _fat_with_a_ball()
    hu[:40] = -1000
    filled, empty = Bright(), Bright()
    _segmenter(filled)(_study(_fat_with_a_ball()[0]), Anatomy({}, REGION, how="test"))
    _segmenter(empty)(_study(hu), Anatomy({}, REGION, how="test"))
    assert 0 < empty.windows < filled.windows


class Same(nn.Module):
    """The same logit of node everywhere."""

    def __init__(self, logit):
        super().__init__()
        self.logit = nn.Parameter(torch.full((1,), float(logit)))

    def forward(self, x):
        return self.logit.expand(len(x), 1, *x.shape[2:])


def test_too_little_memory_is_told_in_one_line():
    whole = _segmenter(Bright())
    spent = replace(whole, predict=lambda _x: torch.empty(2**50, dtype=torch.uint8), device="cuda")
    with pytest.raises(
        BadInputError, match="memory ran out on cuda: close other programs, or predict with --device cpu"
    ):
        spent(_study(_fat_with_a_ball()[0]), Anatomy({}, REGION, how="test"))


class Ramp(nn.Module):
    """A logit of −30 to 30 along x, whatever is seen."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.linspace(-30, 30, 16).reshape(16, 1, 1))

    def forward(self, x):
        return 1 * self.logit.expand(len(x), 1, *x.shape[2:])


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_one_output_goes_through_a_sigmoid_and_an_ensemble_is_averaged(runtime):
    study = _study(_fat_with_a_ball()[0])
    two = segmenter([Same(-1.0), Same(3.0)], PREPARATION, (16, 16, 16), runtime=runtime)
    answer = two(study, Anatomy({}, REGION, how="test"))
    assert answer.array.max() == pytest.approx((1 / (1 + np.e) + 1 / (1 + np.exp(-3))) / 2, abs=2e-3)


def test_it_answers_as_windows_of_logits_taken_one_by_one():
    """Two windows that disagree: inside each the logit rises along x, to where a probability is 1."""
    ramp = Ramp()
    found = segmenter([ramp], PREPARATION, (16, 16, 16), runtime="torch")
    study, anatomy = (
        _study(np.zeros((60, 60, 60), np.float32)),
        Anatomy({}, Region((0.0,) * 3, (35.0, 23.0, 23.0)), how="test"),
    )
    weight = np.exp(-0.5 * ((np.arange(16) - 7.5) / 2) ** 2)
    total, amount = np.zeros(24), np.zeros(24)
    for start in (0, 8):
        total[start : start + 16] += weight * np.linspace(-30, 30, 16)
        amount[start : start + 16] += weight
    expected = 1 / (1 + np.exp(-total / amount))
    prepared = PREPARATION(study.ct, anatomy.mediastinum)
    assert prepared.image.shape[1:] == (24, 16, 16)
    wanted = PREPARATION.restore(np.broadcast_to(expected[:, None, None], (24, 16, 16)), prepared).array
    middle = np.s_[:, 8:16, 8:16]  # the smallest weights are all the same, so that none is 0
    np.testing.assert_allclose(found(study, anatomy).array[middle], wanted[middle], atol=1e-4)


def test_a_window_that_ends_above_air_wants_what_is_above_its_lower_end():
    hu, _ = _fat_with_a_ball()
    hu[:40] = -500
    soft = Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0),), margin_mm=0.0)
    filled, empty = Bright(), Bright()
    for network, study in ((filled, _study(_fat_with_a_ball()[0])), (empty, _study(hu))):
        segmenter([network], soft, (16, 16, 16), node_class=1, runtime="torch")(study, Anatomy({}, REGION, how="test"))
    assert 0 < empty.windows < filled.windows


def test_both_runtimes_find_the_same():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(2, 8, 3, padding=1), nn.GroupNorm(8, 8), nn.LeakyReLU(), nn.Conv3d(8, 3, 1))
    study, anatomy = _study(_fat_with_a_ball()[0]), Anatomy({}, REGION, how="test")
    a, b = (
        segmenter([network], PREPARATION, (16, 16, 16), node_class=1, runtime=runtime)(study, anatomy).array
        for runtime in ("torch", "openvino")
    )
    np.testing.assert_allclose(a, b, atol=0.03)  # bfloat16 where the processor has it
