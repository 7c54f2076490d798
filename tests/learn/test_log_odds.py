import pytest
import torch
from torch import nn

from nodewise.learn.log_odds import LogOdds
from nodewise.learn.runtime import runtime


class Plus(nn.Module):
    """Logits as they come, and something more."""

    def __init__(self, more):
        super().__init__()
        self.more = more

    def forward(self, x):
        return x + self.more


def _logits(classes, spread=3.0):
    return spread * torch.randn(2, classes, 3, 4, 5, generator=torch.Generator().manual_seed(classes))


@pytest.mark.parametrize("index", [0, 2, 3])
def test_the_sigmoid_is_the_classes_share_of_the_softmax(index):
    found = LogOdds([nn.Identity()], index)(_logits(4))
    torch.testing.assert_close(found.sigmoid()[:, 0], _logits(4).softmax(1)[:, index])


def test_a_logit_alone_stays_as_it_is():
    torch.testing.assert_close(LogOdds([nn.Identity()])(_logits(1)), _logits(1))


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_of_an_ensemble_it_is_the_mean_of_the_probabilities(kind):
    networks, x = [Plus(-1.0), Plus(0.0), Plus(3.0)], _logits(1)
    found = runtime([LogOdds(networks)], runtime=kind, half=False)(x)
    torch.testing.assert_close(found.sigmoid(), sum(n(x).sigmoid() for n in networks) / 3, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_where_probabilities_saturate_logits_do_not(kind):
    x = torch.tensor([-200.0, -60.0, 20.0, 200.0]).reshape(1, 1, 1, 1, 4)
    found = runtime([LogOdds([Plus(0.0), Plus(0.0)])], runtime=kind, half=False)(x)
    torch.testing.assert_close(found, x)
