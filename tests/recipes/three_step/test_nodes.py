from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage

from nodewise.learn.loss import IGNORE
from nodewise.learn.network import NetworkPlan
from nodewise.recipes.three_step import nodes_phantom
from nodewise.recipes.three_step.detection import detection_figures, instances, probabilities
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.examples import CONTROL, Example, dense_as_a_node, run_along_z
from nodewise.recipes.three_step.nodes import PAPER, PHANTOM, train_nodes
from nodewise.recipes.three_step.nodes_phantom import batch, class_weights, fingerprint, node_loss, redensified

PATCH = (32, 32, 24)
TINY = replace(
    PHANTOM,
    patch=PATCH,
    plan=NetworkPlan(2, (1,), channels=(6, 12, 12), blocks=(1, 1, 1), fold=(2, 2, 2), auxiliary=12),
    learning_rate=1e-2,
    average=0.9,
)


class Balls:
    """Fat with bright balls, which are nodes, and a vessel."""

    def __init__(self, real=False):
        self.real = real

    def draw(self, rng):
        hu = np.full(PATCH, -100, np.float32)
        x, y, z = np.ogrid[:32, :32, :24]
        a, b, c = rng.uniform(7, 17, 3)
        ball = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < rng.uniform(3, 6) ** 2
        hu[ball] = 60
        hu[26:29, 26:29] = 200
        tissue = ball.astype(np.uint8)
        tissue[26:29, 26:29] = 2
        hu += 10 * rng.standard_normal(PATCH, dtype=np.float32)
        sure = (ball if self.real else np.ones_like(ball)).astype(np.uint8)
        return Example(
            hu, ball.astype(np.uint8), np.full_like(tissue, IGNORE) if self.real else tissue, sure, self.real
        )


SOURCES = (Balls(), Balls(real=True))


def _train(out, steps, progress=lambda _now: None):
    held_out = {"ball": [Balls().draw(np.random.default_rng((9, i))) for i in range(4)]}
    loss = partial(node_loss, weights=class_weights(SOURCES[0], 0, patches=4))
    return train_nodes(TINY, partial(batch, SOURCES, 0), loss, held_out, Run(out, steps), progress)


def test_training_finds_what_it_was_shown(tmp_path):
    trained = _train(tmp_path, 120)
    assert trained.figures["ball_recall"] == 1
    assert trained.figures["ball_object_dice"] > 0.7
    assert trained.figures["average_recall"] == pytest.approx(trained.figures["ball_average_recall"])


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path):
    class Stop(Exception):
        pass

    def stop(now):
        if now.step == 25:
            raise Stop

    whole = _train(tmp_path / "a", 40)
    with pytest.raises(Stop):
        _train(tmp_path / "b", 40, stop)
    resumed = _train(tmp_path / "b", 40)
    a, b = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert whole.figures == resumed.figures


def test_a_batch_follows_from_seed_and_step_alone():
    a, b, c = (batch(SOURCES, 0, step) for step in (5, 5, 6))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0])
    assert (a[0].shape, a[1].shape) == ((4, 2, *PATCH), (4, 3, *PATCH))
    assert 0 <= a[0].min() < a[0].max() <= 1
    assert fingerprint(SOURCES, 0) == fingerprint(SOURCES, 0) != fingerprint(SOURCES, 1)


def test_in_a_real_scan_only_what_is_no_dense_tissue_is_known_to_be_no_node():
    hu = np.full((12, 12, 12), -100, np.float32)
    hu[2:6], hu[8:] = 50, 300
    dense = dense_as_a_node(hu)
    assert dense[2:6].all()
    assert not dense[[0, 10]].any()


def test_runs_along_z_are_as_long_as_counted_by_hand():
    mask = np.random.default_rng(0).random((5, 4, 30)) < 0.8
    counted = np.zeros(mask.shape, int)
    for x, y in np.ndindex(5, 4):
        labels, n = ndimage.label(mask[x, y])
        for k in range(1, n + 1):
            counted[x, y][labels == k] = (labels == k).sum()
    np.testing.assert_array_equal(run_along_z(mask), counted)
    assert not run_along_z(np.zeros((2, 2, 2), bool)).any()
    assert (run_along_z(np.ones((2, 2, 7), bool)) == 7).all()


def test_what_turns_in_from_outside_is_ignored_and_unsure():
    _, truth = batch(SOURCES, 0, 3)
    outside = truth[1, 0] == IGNORE
    assert outside.any()
    assert (truth[1, 2][outside] == 0).all()


def test_densities_change_above_the_knee_alone_beyond_one_line():
    hu = np.linspace(-1000, 700, 4000, dtype=np.float32).reshape(20, 20, 10)
    for seed in range(12):
        out = redensified(hu, np.random.default_rng(seed))
        soft = (hu > -150) & (hu < 80)
        slope, shift = np.polyfit(hu[soft], out[soft], 1)
        assert 0.9 < slope < 1.1
        assert abs(shift) < 20


def test_rare_tissues_weigh_more_and_absent_ones_the_most():
    weights = class_weights(SOURCES[0], 0, patches=4)
    assert weights[0] == 1 < weights[1] <= weights[5] == nodes_phantom.LARGEST_CLASS_WEIGHT


def _cost(found, invented, sure=1):
    truth = torch.zeros(1, 3, 8, 8, 8, dtype=torch.uint8)
    truth[0, 0, :4], truth[0, 1], truth[0, 2] = 1, IGNORE, torch.as_tensor(sure)
    p = torch.full((1, 1, 8, 8, 8), 0.05)
    p[0, 0, :4], p[0, 0, 4:] = found, invented
    return node_loss([p.logit(), torch.zeros(1, 12, 4, 4, 4)], truth, torch.ones(12)).item()


def test_missing_a_node_costs_more_than_inventing_one():
    assert _cost(0.95, 0.05) < _cost(0.95, 0.5) < _cost(0.5, 0.05)


def test_the_loss_by_hand():
    bce = -np.log(0.8) * (3 * 256 + 256) / 512  # 0.8 in the node, which counts three times, 0.2 beside it
    hit, missed, false = 256 * 0.8, 256 * 0.2, 256 * 0.2
    tversky = 1 - (hit + 1) / (hit + 0.4 * false + 0.6 * missed + 1)
    assert _cost(0.8, 0.2) == pytest.approx(10 * bce + tversky, rel=1e-5)
    half_known = torch.ones(8, 8, 8, dtype=torch.uint8)
    half_known[4:, 4:] = 0
    bce = (3 * 256 * -np.log(0.8) + 128 * -np.log(0.5) * (1 + 0.2)) / (256 + 128 + 25.6)
    tversky = 1 - (hit + 1) / (hit + 0.4 * 64 + 0.6 * missed + 1)  # of what is a guess nothing
    assert _cost(0.8, 0.5, half_known) == pytest.approx(10 * bce + tversky, rel=1e-5)
    control = torch.ones(8, 8, 8, dtype=torch.uint8)
    control[4:] = CONTROL  # counts as much as the node
    bce = (3 * 256 * -np.log(0.8) + 3 * 256 * -np.log(0.5)) / (256 + 3 * 256)
    tversky = 1 - (hit + 1) / (hit + 0.4 * 128 + 0.6 * missed + 1)
    assert _cost(0.8, 0.5, control) == pytest.approx(10 * bce + tversky, rel=1e-5)


def test_a_node_found_in_one_example_makes_up_for_none_missed_in_another():
    truth = torch.zeros(2, 3, 8, 8, 8, dtype=torch.uint8)
    truth[:, 0, :4], truth[:, 1], truth[:, 2] = 1, IGNORE, 1
    p = torch.full((2, 1, 8, 8, 8), 0.05)
    p[0, 0, :4], p[1, 0, :4] = 0.95, 0.05
    none, found = -np.log(0.05), -np.log(0.95)
    bce = (3 * 256 * (found + none) + 512 * found) / 1024
    tversky = [1 - (256 * q + 1) / (256 * q + 0.4 * 256 * 0.05 + 0.6 * 256 * (1 - q) + 1) for q in (0.95, 0.05)]
    both = node_loss([p.logit(), torch.zeros(2, 12, 4, 4, 4)], truth, torch.ones(12)).item()
    assert both == pytest.approx(10 * bce + np.mean(tversky), rel=1e-5)


def test_figures_by_hand():
    node = np.zeros(PATCH, np.uint8)
    node[2:7, 2:7, 2:7] = 1  # missed
    node[12:17, 12:17, 12:17] = 1  # found, a layer too thick
    node[24:30, 24:30, 16:22] = IGNORE  # found there: neither right nor false
    example = Example(np.zeros(PATCH, np.float32), node, node, node, real=False)
    found = np.zeros(PATCH, np.float32)
    found[12:17, 12:17, 12:18] = 0.9
    found[25:29, 25:29, 17:21] = 0.8
    found[2:5, 20:23, 2:5] = 0.7  # invented
    found[30, 2, 2] = 0.9  # too small to count
    figures = detection_figures([found], [example], (1.5, 1.5, 1.5), 0.5)
    assert figures["recall"] == 0.5
    assert figures["false_positives"] == 1
    assert figures["object_dice"] == pytest.approx(0.5 * 2 * 125 / (125 + 150))
    assert figures["average_recall"] == pytest.approx(0.5)  # the found one scores higher than the invented
    assert instances(found, example, (1.5, 1.5, 1.5), 0.5).predicted_ignored.sum() == 0


def test_an_example_of_any_size_is_seen_whole():
    class Window(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(20.0))

        def forward(self, x):
            return (x[:, :1] - 0.5) * self.scale

    hu = np.full((40, 20, 30), -100, np.float32)
    hu[30:34, 5:9, 20:24] = 200
    none = np.zeros(hu.shape, np.uint8)
    (found,) = probabilities(Window(), [Example(hu, none, none, none, True)], PHANTOM.preparation, PATCH)
    assert np.array_equal(found > 0.5, hu > 0)


def test_the_papers_schedule():
    rates = [PAPER.learning_rate * PAPER.schedule.factor(step, 70_000) for step in (0, 5_000, 15_000, 50_000, 60_000)]
    assert rates == pytest.approx([1e-3, 3.33e-4, 1.11e-4, 5.56e-5, 2.78e-5], rel=2e-3)
    tenth = [PAPER.learning_rate * PAPER.schedule.factor(step, 7_000) for step in (0, 500, 1_500, 5_000, 6_000)]
    assert tenth == pytest.approx(rates)
