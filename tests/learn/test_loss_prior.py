"""P3's loss by numbers worked by hand, against MONAI, and its gradients against finite differences."""

from dataclasses import replace

import pytest
import torch

from nodewise.learn.loss import IGNORE
from nodewise.learn.loss_prior import NNUNET, UNKNOWN, PriorLoss, dilated, prior_weighted_dice, prior_weights


def _line(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, -1)


def test_weights_by_hand():
    truth = torch.zeros(1, 1, 9, dtype=torch.bool)
    truth[0, 0, 0] = True
    prior = _line(0.9, 0.9, 0.9, 0.9, 0.25, 0.2, 0.1, 0.0, 0.26)
    weights = prior_weights(truth, prior, radius=2)
    assert weights.flatten().tolist() == pytest.approx([1, 1, 1, 0.75, 0.75, 0.8, 0.9, 1, 0.75])
    assert prior_weights(truth, prior, radius=0).flatten().tolist()[:2] == pytest.approx([1, 0.75])


def test_a_cube_and_a_ball():
    mask = torch.zeros(1, 7, 7, 7, dtype=torch.bool)
    mask[0, 3, 3, 3] = True
    assert dilated(mask, 2).sum() == 5**3
    assert dilated(mask, 2, ball=True).sum() == 33  # voxels within 2 of the middle
    assert dilated(mask, 1, ball=True).sum() == 7
    flat = torch.zeros(2, 7, 7, dtype=torch.bool)
    flat[1, 3, 3] = True
    assert dilated(flat, 2).sum(dim=(1, 2)).tolist() == [0, 25]
    assert dilated(flat, 2, ball=True).sum(dim=(1, 2)).tolist() == [0, 13]


def test_dice_by_hand():
    p, g, w = _line(0.8, 0.6, 0.5, 0.1), _line(1, 0, 0, 0), _line(1, 1, 0.75, 0.9)
    plain = prior_weighted_dice(p, g, w, form="none", smooth=0)
    assert plain.item() == pytest.approx(1 - 1.6 / (2.0 + 1))
    weighted = prior_weighted_dice(p, g, w, smooth=0)
    assert weighted.item() == pytest.approx(1 - 1.6 / (0.8 + 0.6 + 0.375 + 0.09 + 1))
    assert weighted < plain  # what is likely and not labelled costs less
    released = prior_weighted_dice(p, g, w, form="released", smooth=0)
    assert released.item() == pytest.approx(plain.item())  # w is 1 wherever the truth is


def test_what_is_ignored_counts_nowhere_and_every_case_counts_alike():
    p, g = torch.rand(2, 3, 4, 5, dtype=torch.float64), (torch.rand(2, 3, 4, 5) < 0.4).double()
    w, valid = torch.rand(2, 3, 4, 5, dtype=torch.float64), torch.rand(2, 3, 4, 5) < 0.7
    for form in ("none", "weighted", "released"):
        each = [prior_weighted_dice(*(a[i][valid[i]][None] for a in (p, g, w)), form=form, smooth=1e-5) for i in (0, 1)]
        both = prior_weighted_dice(p, g, w, form=form, valid=valid)
        assert both.item() == pytest.approx(sum(each).item() / 2, rel=1e-6)


def _truth(seed=0, shape=(2, 8, 8, 8)):
    generator = torch.Generator().manual_seed(seed)
    classes = (torch.rand(shape, generator=generator) < 0.2).to(torch.uint8)
    prior = (torch.rand(shape, generator=generator) * 254).to(torch.uint8)
    return torch.stack((classes, prior), dim=1)


def test_the_whole_loss_is_monais_parts():
    from monai.losses import DiceLoss, TverskyLoss

    truth, logits = _truth(), torch.randn(2, 2, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    target = truth[:, :1].float()
    how = {"include_background": False, "softmax": True, "to_onehot_y": True}
    ce = torch.nn.functional.cross_entropy(logits, target[:, 0].long())
    overlap = DiceLoss(**how)(logits, target)
    tversky = TverskyLoss(alpha=0.25, beta=0.75, **how)(logits, target)
    plain = replace(PriorLoss(), form="none")
    assert plain(logits, truth).item() == pytest.approx((0.25 * ce + 0.25 * overlap + 0.5 * tversky).item(), rel=1e-5)
    assert NNUNET(logits, truth).item() == pytest.approx((0.5 * ce + 0.5 * overlap).item(), rel=1e-5)
    alike = replace(plain, cross_entropy=1, dice=1, tversky=1)
    assert alike(logits, truth).item() == pytest.approx((ce + overlap + tversky).item(), rel=1e-5)
    assert replace(PriorLoss(), radius=0)(logits, truth) < plain(logits, truth)
    assert replace(PriorLoss(), form="released")(logits, truth).item() == pytest.approx(plain(logits, truth).item())


def test_every_scale_is_weighed():
    truth = _truth()
    fine, coarse = torch.randn(2, 2, 8, 8, 8), torch.randn(2, 2, 4, 4, 4)
    loss = replace(PriorLoss(), radius=0)  # so that a thinned map is the map of the thinned
    alone = [loss(fine, truth), loss(coarse, truth[:, :, ::2, ::2, ::2])]
    assert loss([fine, coarse], truth).item() == pytest.approx(((2 * alone[0] + alone[1]) / 3).item(), rel=1e-5)
    flat = replace(loss, form="none")
    assert loss([fine, coarse], truth) < flat([fine, coarse], truth)


def test_gradients_are_those_of_finite_differences():
    truth = _truth(3, (1, 3, 4, 3))
    truth[0, 0, 0, 0, 0], truth[0, 1, 0, 0, 0] = IGNORE, UNKNOWN
    weights = prior_weights(truth[:, 0] == 1, truth[:, 1].double() / 254)
    p = torch.rand(1, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    g = (truth[:, 0] == 1).double()
    for form in ("none", "weighted", "released"):
        assert torch.autograd.gradcheck(lambda x, f=form: prior_weighted_dice(x, g, weights, form=f), (p,))
    truth = _truth(4, (1, 4, 4, 2))
    truth[0, 0, 0, 0, 0] = IGNORE
    scales = [torch.randn(1, 2, *size, dtype=torch.float64, requires_grad=True) for size in ((4, 4, 2), (2, 2, 1))]
    assert torch.autograd.gradcheck(lambda *x: PriorLoss(radius=1)(list(x), truth), scales)


def test_a_voxel_that_is_ignored_has_no_gradient_and_an_unknown_prior_no_effect():
    truth = _truth(5)
    truth[:, 0, :2] = IGNORE
    logits = torch.randn(2, 2, 8, 8, 8, requires_grad=True)
    PriorLoss()(logits, truth).backward()
    assert (logits.grad[:, :, :2] == 0).all()
    assert (logits.grad[:, :, 2:] != 0).all()
    unknown, none = truth.clone(), truth.clone()
    unknown[:, 1], none[:, 1] = UNKNOWN, 0
    assert PriorLoss()(logits, unknown).item() == PriorLoss()(logits, none).item()
