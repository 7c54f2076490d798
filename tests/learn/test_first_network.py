import pytest
import torch
from torch import nn

from nodewise.learn.first_network import NetworkPlan, build_network
from nodewise.learn.norm import InstanceNorm

SMALL = NetworkPlan(2, 3, channels=(4, 8, 8), blocks=(1, 2, 1))


def test_output_has_the_inputs_size_and_one_map_a_class():
    network = build_network(SMALL, seed=0).eval()
    assert network(torch.randn(2, 2, 16, 8, 12)).shape == (2, 3, 16, 8, 12)


def test_anisotropic_strides_and_kernels():
    plan = NetworkPlan(
        1, 2, channels=(4, 4, 8), blocks=(1, 1, 1), kernels=((3, 3, 1), (3, 3, 3), (3, 3, 3)),
        strides=((1, 1, 1), (2, 2, 1), (2, 2, 2)),
    )  # fmt: skip
    assert plan.divisor == (4, 4, 2)
    network = build_network(plan, seed=0)
    assert network(torch.randn(1, 1, 8, 12, 6)).shape == (1, 2, 8, 12, 6)
    assert network.encoder[0][0].conv1.weight.shape == (4, 1, 3, 3, 1)


def test_two_dimensions():
    plan = NetworkPlan(1, 2, channels=(4, 8), blocks=(1, 1), dimension=2)
    assert build_network(plan, seed=0)(torch.randn(1, 1, 8, 6)).shape == (1, 2, 8, 6)


def test_deep_supervision_gives_every_level_while_training_and_one_output_after():
    plan = NetworkPlan(1, 2, channels=(4, 4, 8), blocks=(1, 1, 1), deep_supervision=True)
    network = build_network(plan, seed=0)
    x = torch.randn(1, 1, 8, 8, 8)
    assert [tuple(o.shape[2:]) for o in network.train()(x)] == [(8, 8, 8), (4, 4, 4)]
    assert network.eval()(x).shape == (1, 2, 8, 8, 8)


def test_seed_decides_the_weights_and_leaves_torchs_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    a, b, c = build_network(SMALL, 1), build_network(SMALL, 1), build_network(SMALL, 2)
    assert torch.equal(torch.rand(3), expected)
    same = [torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True)]
    other = [torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True)]
    assert all(same)
    assert not all(other)


def test_the_default_network_has_one_point_two_million_parameters():
    network = build_network(NetworkPlan(2, 11), seed=0)
    assert 1.1e6 < sum(p.numel() for p in network.parameters()) < 1.3e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"dimension": 4},
        {"channels": (4,), "blocks": (1,)},
        {"blocks": (1, 1)},
        {"kernels": ((3, 3),) * 4},
        {"kernels": ((2, 3, 3),) * 4},
        {"channels": (4, 8, 0, 8)},
    ],
)
def test_numbers_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"U-Net|levels|numbers|odd"):
        NetworkPlan(1, 2, **wrong)


def test_instance_norm_equals_torchs():
    ours, torchs = InstanceNorm(3), nn.InstanceNorm3d(3, affine=True)
    for norm in (ours, torchs):
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
            norm.bias.copy_(torch.tensor([0.1, 0.0, -1.0]))
    x = torch.randn(2, 3, 4, 5, 6)
    grads = []
    for norm in (ours, torchs):
        inputs = x.clone().requires_grad_()
        y = norm(inputs)
        (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
        grads.append((y, inputs.grad, norm.weight.grad, norm.bias.grad))
    for mine, reference in zip(*grads, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-4)


def test_instance_norm_has_the_gradient_of_its_output():
    norm = InstanceNorm(2).double()
    x = torch.randn(2, 2, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t, w, b: _with(norm, w, b)(t), (x, norm.weight, norm.bias))


def _with(norm, weight, bias):
    return lambda x: torch.func.functional_call(norm, {"weight": weight, "bias": bias}, (x,))


def test_sizes_that_cannot_be_halved_often_enough_are_refused():
    with pytest.raises(ValueError, match=r"multiple of \(4, 4, 4\)"):
        build_network(SMALL, 0)(torch.zeros(1, 2, 8, 8, 6))


def test_a_patch_whose_gradient_is_wrong_in_bfloat16_on_a_cpu_is_refused():
    network, x = build_network(SMALL, 0), torch.zeros(1, 2, 8, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(ValueError, match="at least 3"):
            network(x)
        assert network.eval()(x).shape == (1, 3, 8, 16, 16)


def test_bfloat16_gradients_are_those_of_float32_and_the_same_every_time():
    network, x = build_network(SMALL, 0), torch.rand(2, 2, 16, 12, 12)
    grads = []
    for half in (False, True, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = network(x)
        out.float().square().mean().backward()
        grads.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    assert torch.equal(grads[1], grads[2])
    assert torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=0) > 0.99
