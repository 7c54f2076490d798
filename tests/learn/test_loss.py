import math

import pytest
import torch

from nodewise.learn.loss import IGNORE, cross_entropy, deeply_supervised, dice, tversky


def test_tversky_worked_by_hand():
    probability = torch.tensor([[1.0, 0.5, 0.5, 0.0]])
    truth = torch.tensor([[1, 1, 0, 1]])
    # TP = 1.5, FP = 0.5, FN = 0.5 + 1 = 1.5
    expected = 1 - (1.5 + 1) / (1.5 + 0.3 * 0.5 + 0.7 * 1.5 + 1)
    assert tversky(probability, truth, false_positives=0.3, false_negatives=0.7).item() == pytest.approx(expected)


def test_dice_worked_by_hand_and_perfect_is_zero():
    truth = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    assert dice(truth, truth).item() == pytest.approx(0)
    # 2 TP + 2 s over sum + sum + 2 s: (2 * 1 + 2) / (2 + 2 + 2)
    assert dice(torch.tensor([[1.0, 0.0, 1.0, 0.0]]), truth).item() == pytest.approx(1 - 4 / 6)


def test_nothing_there_and_nothing_found_costs_nothing():
    empty = torch.zeros(1, 8)
    assert dice(empty, empty).item() == 0


def test_voxels_that_do_not_count_change_nothing():
    probability, truth = torch.tensor([[0.9, 0.2, 0.7]]), torch.tensor([[1, 0, 0]])
    part = dice(probability[:, :2], truth[:, :2])
    assert dice(probability, truth, valid=torch.tensor([[True, True, False]])).item() == pytest.approx(part.item())


def test_cross_entropy_worked_by_hand():
    probability = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    logits = probability.log().T[None]  # (1, classes, voxels)
    classes = torch.tensor([[0, 1, 0]])
    expected = -(1 * math.log(0.7) + 3 * math.log(0.6) + 1 * math.log(0.2)) / 5
    weights = torch.tensor([1.0, 3.0, 2.0])
    assert cross_entropy(logits, classes, weights=weights).item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_equals_torchs_with_ignored_voxels():
    logits, classes = torch.randn(2, 4, 5, 3), torch.randint(0, 4, (2, 5, 3))
    classes[0, :2] = IGNORE
    weights = torch.tensor([1.0, 2.0, 0.5, 4.0])
    reference = torch.nn.functional.cross_entropy(logits, classes, weight=weights, ignore_index=IGNORE)
    torch.testing.assert_close(cross_entropy(logits, classes.to(torch.uint8), weights=weights), reference)


def test_all_ignored_gives_zero_and_no_gradient():
    logits = torch.randn(1, 3, 4, requires_grad=True)
    value = cross_entropy(logits, torch.full((1, 4), IGNORE))
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()


def test_gradients():
    logits = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    classes = torch.randint(0, 3, (2, 5))
    classes[0, 0] = IGNORE
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    def total(x):
        p = x.softmax(dim=1)[:, 1]
        overlap = tversky(p, classes == 1, false_positives=0.3, false_negatives=0.7, valid=classes != IGNORE)
        return cross_entropy(x, classes, weights=weights) + overlap

    assert torch.autograd.gradcheck(total, (logits,))


def test_deep_supervision_weighs_scales_by_halves():
    truth = torch.arange(16).view(1, 4, 4)
    seen = []

    def loss(output, target):
        seen.append(target)
        return output.mean()

    total = deeply_supervised(loss)([torch.full((1, 1, 4, 4), 3.0), torch.full((1, 1, 2, 2), 6.0)], truth)
    assert total.item() == pytest.approx((3 + 6 / 2) / 1.5)
    assert seen[1].tolist() == [[[0, 2], [8, 10]]]
    assert deeply_supervised(loss)(torch.full((1, 1, 4, 4), 3.0), truth).item() == 3
