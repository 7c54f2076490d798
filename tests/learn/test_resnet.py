import pytest
import torch

from nodewise.learn.resnet import ResNetPlan, build_resnet


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("norm", ["group", "instance", "batch"])
def test_one_logit_an_image_whatever_the_size(dimension, norm):
    network = build_resnet(ResNetPlan(2, (4, 8, 8), (1, 2, 1), norm=norm, dimension=dimension), 0)
    for size in (16, 19):
        assert network(torch.rand(3, 2, *(size,) * dimension)).shape == (3,)


def test_at_first_all_images_are_alike_and_every_weight_learns():
    network = build_resnet(ResNetPlan(1, (4, 8), (1, 1), stem=2), 0)
    assert network(torch.rand(2, 1, 8, 8, 8)).tolist() == [0, 0]
    torch.nn.init.normal_(network.head.weight)
    network(torch.rand(2, 1, 8, 8, 8)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_the_answer_for_one_image_does_not_depend_on_the_others(norm):
    network = build_resnet(ResNetPlan(1, (8, 16), (1, 1), norm=norm), 0)
    torch.nn.init.normal_(network.head.weight)
    x = torch.rand(4, 1, 12, 12, 12)
    together, alone = network.train()(x), torch.cat([network(one) for one in x.split(1)])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-3)


def test_a_small_bright_place_is_not_averaged_away():
    network = build_resnet(ResNetPlan(1, (4,), (1,), norm="batch"), 0).eval()
    torch.nn.init.normal_(network.head.weight)
    dark = torch.zeros(1, 1, 8, 8, 8)
    small, large = (torch.nn.functional.pad(torch.ones(1, 1, 4, 4, 4), [0, n] * 3) for n in (4, 12))
    assert network(small) == network(large)
    assert network(small) != network(dark)


def test_levels_halve_and_the_stem_strides():
    plan = ResNetPlan(1, (4, 8, 8), (1, 1, 1), stem=2)
    assert plan.smallest == 8
    sizes = []
    network = build_resnet(plan, 0)
    for stage in network.stages:
        stage.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.rand(1, 1, 32, 32, 32))
    assert sizes == [(4, 16, 16, 16), (8, 8, 8, 8), (8, 4, 4, 4)]
    with pytest.raises(ValueError, match="smaller than 8"):
        network(torch.rand(1, 1, 8, 8, 7))
    with pytest.raises(ValueError, match="smaller than 24"), torch.autocast("cpu", torch.bfloat16):
        network(torch.rand(1, 1, 16, 16, 16))


def test_the_seed_makes_the_weights_and_leaves_torch_alone():
    plan = ResNetPlan(1, (4, 8), (1, 1))
    before = torch.random.get_rng_state()
    a, b, c = (build_resnet(plan, seed).stem[0].weight for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("wrong", [{"blocks": (1,)}, {"dimension": 4}, {"stem": 0}, {"channels": (), "blocks": ()}])
def test_numbers_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"ResNet|at least 1"):
        ResNetPlan(**{"in_channels": 1, "channels": (4, 8), "blocks": (1, 1)} | wrong)
