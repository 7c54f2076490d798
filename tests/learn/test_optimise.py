import pytest
import torch

from nodewise.learn.optimise import Adam, AdamW, RAdam, Sgd, make_optimiser


def _moved(optimiser, weight, gradient):
    weight.grad = torch.tensor([gradient])
    optimiser.step()
    return weight.item()


def test_sgd_with_nesterovs_momentum_worked_by_hand():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = make_optimiser(Sgd(momentum=0.9, weight_decay=0.1), [weight], 0.1)
    # gradient 2 + 0.1 * 1; velocity 2.1; step 2.1 + 0.9 * 2.1
    first = _moved(optimiser, weight, 2.0)
    assert first == pytest.approx(1 - 0.1 * 2.1 * 1.9)
    slope = 1 + 0.1 * first
    assert _moved(optimiser, weight, 1.0) == pytest.approx(first - 0.1 * (slope + 0.9 * (0.9 * 2.1 + slope)))


def test_sgd_without_momentum_has_no_nesterov():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    assert _moved(make_optimiser(Sgd(momentum=0, weight_decay=0), [weight], 0.1), weight, 2.0) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Adam(), 1 - 0.1),  # the first step is the rate, in the gradient's direction
        (AdamW(weight_decay=0.5), (1 - 0.1 * 0.5) - 0.1),
        (RAdam(), 1 - 0.1 * 2),  # the first steps are those of momentum alone, bias corrected
    ],
)
def test_the_first_step_of_the_adams(settings, expected):
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    assert _moved(make_optimiser(settings, [weight], 0.1), weight, 2.0) == pytest.approx(expected, rel=1e-5)
