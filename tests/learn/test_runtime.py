import builtins
import logging

import pytest
import torch
from torch import nn

from nodewise.learn.device import computes_in_bfloat16
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.openvino import compile_network
from nodewise.learn.runtime import runtime
from nodewise.values.errors import BadInputError

PLAN = NetworkPlan(2, (1,), channels=(8, 12, 16), blocks=(1, 1, 1), fold=(2, 2, 2), auxiliary=5)
SIZE = (32, 24, 32)


def _blobs(count=1, seed=0):
    """Smooth images, as bodies are: answers are not all at the threshold."""
    noise = torch.randn(count, 2, *(n // 8 for n in SIZE), generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(noise, SIZE, mode="trilinear")


@pytest.fixture(scope="module")
def networks():
    made = [build_network(PLAN, seed) for seed in (0, 1)]
    for network in made:
        nn.init.normal_(network.decoder.seg_layers[-1].weight, std=0.5, generator=torch.Generator().manual_seed(3))
    return made


def test_openvino_in_float32_equals_torch(networks):
    images = _blobs(2)
    expected = runtime(networks, nn.Sigmoid(), runtime="torch", half=False)(images)
    found = runtime(networks, nn.Sigmoid(), runtime="openvino", half=False)(images)
    assert found.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    assert expected.std() > 0.1


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_bfloat16_decides_as_float32_does(networks, kind):
    if not computes_in_bfloat16("cpu"):
        pytest.skip("this processor does not compute in bfloat16")
    images = _blobs(2)
    whole = runtime(networks, nn.Sigmoid(), runtime="torch", half=False)(images) > 0.5
    half = runtime(networks, nn.Sigmoid(), runtime=kind)(images) > 0.5
    assert 2 * (whole & half).sum() / (whole.sum() + half.sum()) >= 0.99


def test_an_ensemble_is_the_mean_after_the_activation(networks):
    images = _blobs()
    one, other = (runtime([n], nn.Sigmoid(), runtime="torch", half=False)(images) for n in networks)
    both = runtime(networks, nn.Sigmoid(), runtime="torch", half=False)(images)
    torch.testing.assert_close(both, (one + other) / 2)
    assert not torch.allclose(one, other, atol=0.05)


def test_without_an_activation_the_logits_come_out(networks):
    with torch.no_grad():
        expected = networks[0].eval()(_blobs())
    torch.testing.assert_close(runtime(networks[:1], runtime="torch", half=False)(_blobs()), expected)
    assert expected.shape == (1, 1, *SIZE)  # the auxiliary head has nothing to say


def test_where_openvino_is_missing_torch_computes_and_says_so(networks, monkeypatch, caplog):
    honest = builtins.__import__

    def without(name, *rest):
        if name == "openvino":
            raise ImportError("no such library")
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with caplog.at_level(logging.INFO):
        found = runtime(networks, nn.Sigmoid(), half=False)(_blobs())
    assert "torch computes" in caplog.text
    torch.testing.assert_close(found, runtime(networks, nn.Sigmoid(), runtime="torch", half=False)(_blobs()))
    with pytest.raises(BadInputError, match="no such library"):
        runtime(networks, runtime="openvino")


@pytest.mark.parametrize(("kind", "compiled"), [("auto", 1), ("openvino", 1), ("torch", 0)])
def test_auto_takes_openvino_on_a_cpu(networks, monkeypatch, kind, compiled):
    pytest.importorskip("openvino")
    calls = []
    monkeypatch.setattr(
        "nodewise.learn.openvino.compile_network",
        lambda *given, **more: calls.append(1) or compile_network(*given, **more),
    )
    found = runtime(networks, nn.Sigmoid(), runtime=kind, half=False)(_blobs())
    assert len(calls) == compiled
    assert found.shape == (1, 1, *SIZE)


def test_openvino_is_for_the_cpu(networks):
    with pytest.raises(BadInputError, match="choose the runtime torch"):
        runtime([nn.Identity()], runtime="openvino", device="meta")
