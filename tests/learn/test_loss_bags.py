import math

import pytest
import torch
from torch.nn import functional

from nodewise.learn.loss import IGNORE
from nodewise.learn.loss_bags import bag_loss

P = torch.tensor([0.3, 0.9, 0.2, 0.4, 0.1, 0.7, 0.6])
BAGS = torch.tensor([0, 0, 1, 1, 2, 2, -1])  # negative; positive, nothing found yet; positive, one found; in none
LABELS = torch.tensor([0, 1, 1])


def test_the_rule_worked_by_hand():
    negative = -math.log(0.7) - math.log(0.1)
    both = -100 * (math.log(0.2) + math.log(0.4))
    assert bag_loss(P.logit(), BAGS, LABELS).item() == pytest.approx((negative + both) / 6, rel=1e-5)
    largest = -100 * math.log(0.4)
    value = bag_loss(P.logit(), BAGS, LABELS, largest_only=True)
    assert value.item() == pytest.approx((negative + largest) / 6, rel=1e-5)


def test_an_unknown_bag_teaches_nothing():
    logits = P.logit().requires_grad_()
    value = bag_loss(logits, BAGS, torch.tensor([IGNORE, 1, 1]), positive_weight=1)
    value.backward()
    assert value.item() == pytest.approx(-(math.log(0.2) + math.log(0.4)) / 4, rel=1e-5)
    # −(1 − p) each over four instances with a known label
    expected = torch.tensor([0, 0, -0.8, -0.6, 0, 0, 0]) / 4
    torch.testing.assert_close(logits.grad, expected)


def _one_by_one(logits, bags, labels, weight, largest_only):
    total, known = 0.0, 0
    for bag, label in enumerate(labels.tolist()):
        inside = logits[bags == bag]
        if label == IGNORE or not len(inside):
            continue
        known += len(inside)
        if label == 0:
            total += functional.binary_cross_entropy_with_logits(inside, torch.zeros_like(inside), reduction="sum")
        elif (inside.sigmoid() < 0.5).all():
            taught = inside.max()[None] if largest_only else inside
            cost = functional.binary_cross_entropy_with_logits(taught, torch.ones_like(taught), reduction="sum")
            total += weight * cost
    return total / max(known, 1)


@pytest.mark.parametrize("largest_only", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_it_equals_bag_after_bag(seed, largest_only):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(30, generator=generator, dtype=torch.float64) - 1
    bags = torch.randint(-1, 9, (30,), generator=generator)
    labels = torch.tensor([0, 1, IGNORE])[torch.randint(0, 3, (9,), generator=generator)]
    ours = bag_loss(logits, bags, labels, positive_weight=7.0, largest_only=largest_only)
    reference = torch.as_tensor(_one_by_one(logits, bags, labels, 7.0, largest_only), dtype=torch.float64)
    torch.testing.assert_close(ours, reference)
    assert torch.autograd.gradcheck(
        lambda x: bag_loss(x, bags, labels, largest_only=largest_only), (logits.requires_grad_(),)
    )


@pytest.mark.parametrize("instances", [0, 3])
def test_nothing_known_gives_zero_and_no_gradient(instances):
    logits = torch.randn(instances, requires_grad=True)
    value = bag_loss(logits, torch.zeros(instances, dtype=torch.long), torch.tensor([IGNORE]))
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()


def test_a_bag_without_a_label_is_refused():
    with pytest.raises(ValueError, match="of bag 2, but there are labels for 2"):
        bag_loss(P.logit(), BAGS, LABELS[:2])
    with pytest.raises(ValueError, match="instances"):
        bag_loss(P.logit(), BAGS[:3], LABELS)
