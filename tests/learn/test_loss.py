import math

import pytest
import torch
from monai.losses import DeepSupervisionLoss, DiceLoss, FocalLoss, TverskyLoss
from torch.nn import functional

from nodewise.learn.loss import (
    IGNORE,
    adaptive_binary_cross_entropy,
    binary_cross_entropy,
    cross_entropy,
    deeply_supervised,
    dice,
    tversky,
)


def _drawn(shape, seed=0, share=0.3):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator)
    return logits, (torch.rand(shape, generator=generator) < share).float()


def _double(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, requires_grad=True)


def test_tversky_worked_by_hand():
    probability = torch.tensor([[1.0, 0.5, 0.5, 0.0]])
    truth = torch.tensor([[1, 1, 0, 1]])
    # TP = 1.5, FP = 0.5, FN = 0.5 + 1 = 1.5
    expected = 1 - (1.5 + 1) / (1.5 + 0.3 * 0.5 + 0.7 * 1.5 + 1)
    assert tversky(probability, truth, false_positives=0.3, false_negatives=0.7).item() == pytest.approx(expected)


def test_tversky_equals_monais():
    logits, truth = _drawn((2, 1, 6, 5, 4))
    reference = TverskyLoss(alpha=0.25, beta=0.75, smooth_nr=1, smooth_dr=1, batch=True)(logits.sigmoid(), truth)
    ours = tversky(logits.sigmoid(), truth, false_positives=0.25, false_negatives=0.75)
    torch.testing.assert_close(ours, reference)


def test_dice_worked_by_hand_and_perfect_is_zero():
    truth = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    assert dice(truth, truth).item() == pytest.approx(0)
    # 2 TP + 2 s over sum + sum + 2 s: (2 * 1 + 2) / (2 + 2 + 2)
    assert dice(torch.tensor([[1.0, 0.0, 1.0, 0.0]]), truth).item() == pytest.approx(1 - 4 / 6)


def test_dice_equals_monais():
    logits, truth = _drawn((2, 1, 6, 5, 4), seed=1)
    reference = DiceLoss(sigmoid=True, batch=True, smooth_nr=2, smooth_dr=2)(logits, truth)
    torch.testing.assert_close(dice(logits.sigmoid(), truth), reference)


def test_weighted_dice_worked_by_hand():
    probability = torch.tensor([[0.8, 0.5, 0.4]])
    truth = torch.tensor([[1.0, 1.0, 0.0]])
    weights = torch.tensor([[1.0, 0.5, 0.75]])
    # 2 (0.8 + 0.5 * 0.5) over (0.8 + 0.25 + 0.3) + (1 + 0.5), each plus 2 s
    expected = 1 - (2 * 1.05 + 2) / (1.35 + 1.5 + 2)
    assert dice(probability, truth, weights=weights).item() == pytest.approx(expected)


def test_weights_of_one_change_nothing_and_smaller_ones_forgive_false_positives():
    logits, truth = _drawn((2, 1, 6, 5, 4), seed=2)
    probability = logits.sigmoid()
    torch.testing.assert_close(dice(probability, truth, weights=torch.ones_like(truth)), dice(probability, truth))
    forgiving = torch.where(truth > 0, 1.0, 0.75)
    assert dice(probability, truth, weights=forgiving) < dice(probability, truth)


def test_nothing_there_and_nothing_found_costs_nothing():
    empty = torch.zeros(1, 8)
    assert dice(empty, empty).item() == 0


def test_voxels_that_do_not_count_change_nothing():
    probability, truth = torch.tensor([[0.9, 0.2, 0.7]]), torch.tensor([[1, 0, 0]])
    part = dice(probability[:, :2], truth[:, :2])
    valid = torch.tensor([[True, True, False]])
    assert dice(probability, truth, valid=valid).item() == pytest.approx(part.item())
    weighted = dice(probability, truth, valid=valid, weights=torch.ones(1, 3))
    assert weighted.item() == pytest.approx(part.item())


def test_cross_entropy_worked_by_hand():
    probability = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    logits = probability.log().T[None]  # (1, classes, voxels)
    classes = torch.tensor([[0, 1, 0]])
    expected = -(1 * math.log(0.7) + 3 * math.log(0.6) + 1 * math.log(0.2)) / 5
    weights = torch.tensor([1.0, 3.0, 2.0])
    assert cross_entropy(logits, classes, weights=weights).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("ignore", [IGNORE, 2])
@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 0.5, 4.0])])
def test_cross_entropy_equals_torchs_with_ignored_voxels(ignore, weights):
    logits, classes = torch.randn(2, 4, 5, 3), torch.randint(0, 4, (2, 5, 3))
    classes[0, :2] = ignore
    reference = functional.cross_entropy(logits, classes, weight=weights, ignore_index=ignore)
    ours = cross_entropy(logits, classes.to(torch.uint8), weights=weights, ignore=ignore)
    torch.testing.assert_close(ours, reference)


def test_cross_entropy_of_a_single_class_is_zero():
    assert cross_entropy(torch.randn(2, 1, 4), torch.zeros(2, 4, dtype=torch.uint8)).item() == 0


def test_binary_cross_entropy_worked_by_hand():
    logits = torch.tensor([[[0.8, 0.3, 0.6]]]).logit()
    target = torch.tensor([[1, 0, IGNORE]], dtype=torch.uint8)  # without the axis of one channel
    expected = -(4 * math.log(0.8) + math.log(0.7)) / 2
    assert binary_cross_entropy(logits, target, positive_weight=4).item() == pytest.approx(expected, rel=1e-5)
    weights = torch.tensor([[1.0, 3.0, 9.0]])
    expected = -(math.log(0.8) + 3 * math.log(0.7)) / 4
    assert binary_cross_entropy(logits, target, weights=weights).item() == pytest.approx(expected, rel=1e-5)


def test_binary_cross_entropy_equals_torchs_and_monais():
    logits, truth = _drawn((2, 1, 6, 5, 4), seed=3)
    torch.testing.assert_close(binary_cross_entropy(logits, truth), FocalLoss(gamma=0)(logits, truth))
    three = torch.tensor(3.0)
    reference = functional.binary_cross_entropy_with_logits(logits, truth, pos_weight=three)
    torch.testing.assert_close(binary_cross_entropy(logits, truth, positive_weight=3.0), reference)


def test_binary_cross_entropy_of_sure_logits_is_finite():
    logits = torch.tensor([[-200.0, 200.0, 200.0, -200.0]], requires_grad=True)
    value = binary_cross_entropy(logits, torch.tensor([[0, 1, 0, 1]]))
    value.backward()
    assert value.item() == pytest.approx(100)
    torch.testing.assert_close(logits.grad, torch.tensor([[0.0, 0.0, 0.25, -0.25]]))


def test_a_target_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(2, 3, 4\) have no target of shape \(2, 4\)"):
        binary_cross_entropy(torch.zeros(2, 3, 4), torch.zeros(2, 4))


def test_the_adaptive_weight_worked_by_hand():
    probability = torch.tensor([[0.5, 0.2, 0.1, 0.9]])
    target = torch.tensor([[1, 0, 0, IGNORE]], dtype=torch.uint8)
    weight = (3 - 0.8) / 0.8  # of the three that count
    expected = -(weight * math.log(0.5) + math.log(0.8) + math.log(0.9)) / 3
    for through in (False, True):
        value = adaptive_binary_cross_entropy(probability.logit(), target, through_weight=through)
        assert value.item() == pytest.approx(expected, rel=1e-5)


def test_gradients_pass_through_the_adaptive_weight_only_where_asked():
    target = torch.tensor([[1.0, 0.0, 0.0, IGNORE]])
    start = torch.tensor([[0.5, 0.2, 0.1, 0.9]], dtype=torch.float64).logit()
    grads = []
    for through in (False, True):
        logits = start.clone().requires_grad_()
        adaptive_binary_cross_entropy(logits, target, through_weight=through).backward()
        grads.append(logits.grad[0])
    p = start.sigmoid()[0]
    weight = (3 - p[:3].sum()) / p[:3].sum()
    fixed = torch.stack((weight * (p[0] - 1), p[1], p[2], p.new_zeros(()))) / 3
    torch.testing.assert_close(grads[0], fixed)
    # d weight / d logit = −N / (Σp)² p (1 − p), times −log p of the one positive, over N
    extra = -3 / p[:3].sum() ** 2 * p * (1 - p) * -p[0].log() / 3
    extra[3] = 0
    torch.testing.assert_close(grads[1], fixed + extra)
    assert torch.autograd.gradcheck(
        lambda x: adaptive_binary_cross_entropy(x, target, through_weight=True), (start.clone().requires_grad_(),)
    )


@pytest.mark.parametrize("loss", [binary_cross_entropy, adaptive_binary_cross_entropy, cross_entropy])
@pytest.mark.parametrize("weights", [None, torch.ones(3)])
def test_all_ignored_gives_zero_and_no_gradient(loss, weights):
    logits = torch.randn(1, 3, 4, requires_grad=True)
    target = torch.full((1, 4) if loss is cross_entropy else (1, 3, 4), IGNORE)
    value = (
        loss(logits, target, weights=weights) if loss is cross_entropy and weights is not None else loss(logits, target)
    )
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("present", [False, True])
def test_losses_of_an_empty_or_a_full_foreground_are_finite(present):
    logits = torch.randn(2, 1, 5, requires_grad=True)
    target = torch.full((2, 1, 5), int(present))
    for loss in (binary_cross_entropy, adaptive_binary_cross_entropy, lambda x, t: dice(x.sigmoid(), t)):
        logits.grad = None
        value = loss(logits, target)
        value.backward()
        assert value.isfinite()
        assert logits.grad.isfinite().all()
        assert logits.grad.any()


def test_gradients():
    logits = _double((2, 3, 5))
    classes = torch.randint(0, 3, (2, 5), generator=torch.Generator().manual_seed(0))
    classes[0, 0] = IGNORE
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    each = torch.rand(2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    node = torch.where(classes == IGNORE, IGNORE, (classes == 1).long())

    def total(x):
        p = x.softmax(dim=1)[:, 1]
        overlap = tversky(
            p, classes == 1, false_positives=0.3, false_negatives=0.7, valid=classes != IGNORE, weights=each
        )
        binary = binary_cross_entropy(x[:, 1], node, weights=each, positive_weight=3.0)
        return cross_entropy(x, classes, weights=weights) + overlap + binary

    assert torch.autograd.gradcheck(total, (logits,))


def test_deep_supervision_weighs_scales_by_halves():
    truth = torch.arange(16).view(1, 4, 4)
    seen = []

    def loss(output, target):
        seen.append(target)
        return output.mean()

    outputs = [torch.full((1, 1, 4, 4), 3.0), torch.full((1, 1, 2, 2), 6.0), torch.full((1, 1, 1, 1), 8.0)]
    assert deeply_supervised(loss)(outputs[:2], truth).item() == pytest.approx((3 + 6 / 2) / 1.5)
    assert seen[1].tolist() == [[[0, 2], [8, 10]]]
    assert deeply_supervised(loss)(outputs, truth).item() == pytest.approx((3 + 6 / 2 + 8 / 4) / 1.75)
    without = deeply_supervised(loss, drop_coarsest=True)
    assert without(outputs, truth).item() == pytest.approx((3 + 6 / 2) / 1.5)
    assert without(outputs[0], truth).item() == without(outputs[:1], truth).item() == 3


def test_deep_supervision_equals_monais():
    truth = (torch.rand(2, 1, 8, 8, 4, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    outputs = [_drawn((2, 1, 8 // n, 8 // n, 4 // n), seed=n)[0] for n in (1, 2, 4)]
    reference = DeepSupervisionLoss(torch.nn.BCEWithLogitsLoss(), weight_mode="exp")
    reference.interp_mode = "nearest"  # every n-th voxel, from the first one
    ours = deeply_supervised(binary_cross_entropy)(outputs, truth)
    torch.testing.assert_close(ours * 1.75, reference(outputs, truth))
