from pathlib import Path

import numpy as np
import pytest
import torch

from nodewise.learn.network import NetworkPlan, build_network

SMALL = NetworkPlan(2, (3,), channels=(4, 8, 8), blocks=(1, 2, 1))


def test_output_has_the_inputs_size_and_one_map_an_output():
    network = build_network(SMALL, seed=0).eval()
    assert network(torch.randn(2, 2, 16, 8, 12)).shape == (2, 3, 16, 8, 12)


def test_folded_voxels_are_unfolded_and_the_auxiliary_head_is_for_training_alone():
    plan = NetworkPlan(2, (1, 4), channels=(4, 8), blocks=(1, 1), fold=(2, 2, 1), auxiliary=5)
    network = build_network(plan, seed=0)
    assert plan.divisor == (4, 4, 2)
    x = torch.randn(1, 2, 8, 12, 6)
    logits, auxiliary = network.train()(x)
    assert (logits.shape, auxiliary.shape) == ((1, 5, 8, 12, 6), (1, 5, 4, 6, 6))
    assert [tuple(part.shape) for part in plan.split(network.eval()(x))] == [(1, 1, 8, 12, 6), (1, 4, 8, 12, 6)]


@pytest.mark.parametrize("residual", [True, False])
def test_deep_supervision_gives_every_level_while_training_and_one_output_after(residual):
    plan = NetworkPlan(
        1, (2,), channels=(4, 4, 8), blocks=(1, 1, 1), deep_supervision=True, residual=residual, norm="batch"
    )
    network = build_network(plan, seed=0)
    x = torch.randn(2, 1, 8, 8, 8)
    assert [tuple(o.shape[2:]) for o in network.train()(x)] == [(8, 8, 8), (4, 4, 4)]
    assert network.eval()(x).shape == (2, 2, 8, 8, 8)


@pytest.mark.parametrize(
    ("folder", "residual", "levels"),
    [
        ("plain/nnUNetTrainer__nnUNetPlans__3d_fullres", False, 2),
        ("residual/nnUNetTrainer__nnUNetPlans__3d_fullres", True, 2),
        ("cascade/nnUNetTrainer__nnUNetPlans__3d_cascade_fullres", False, 2),
        ("flat/nnUNetTrainer__nnUNetPlans__2d", False, 2),
    ],
)
def test_weights_and_every_output_are_those_of_nnunets_own_networks(folder, residual, levels):
    """Made by dynamic-network-architectures, see tests/golden/nnunet/make.py; the second has kernels of (1, 3, 3)."""
    from nodewise.models.nnunet import read_trained

    golden = Path(__file__).parents[1] / "golden" / "nnunet" / folder
    trained = read_trained(golden, (), None, "checkpoint_final.pth")
    plan = trained.configuration.network
    assert plan.residual is residual and plan.deep_supervision
    network = build_network(plan, seed=0)
    network.load_state_dict(trained.weights[0])
    size = (8, 16, 16)[-plan.dimension :]
    x = np.random.default_rng(0).standard_normal((1, plan.in_channels, *size)).astype(np.float32)
    with np.load(golden / "network.npz") as kept, torch.no_grad():
        expected = [kept[name] for name in kept.files]
        ours = network.train()(torch.from_numpy(x))
        assert len(ours) == len(expected) == levels
        for one, other in zip(ours, expected, strict=True):
            np.testing.assert_allclose(one.numpy(), other, atol=1e-4)
        np.testing.assert_allclose(network.eval()(torch.from_numpy(x)).numpy(), expected[0], atol=1e-4)
