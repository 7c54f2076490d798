"""Networks written for other programs, run there and held against torch."""

import json

import numpy as np
import openvino
import pytest
import torch

from nodewise.learn.network import NetworkPlan, build_network
from nodewise.models.bundle import save_bundle
from nodewise.models.export import export_openvino
from nodewise.models.model_file import ModelFile
from nodewise.models.plan_file import describe_plan

PLANS = {
    "stations": NetworkPlan(1, (1, 2), channels=(4, 8), blocks=(1, 1), dimension=2, norm="batch"),
    "nodes": NetworkPlan(2, (1, 2), channels=(4, 8), blocks=(1, 1), fold=(2, 2, 2), auxiliary=3),
}


@pytest.fixture
def bundle(tmp_path):
    crop = {"kind": "crop", "spacing_mm": [2, 2, 3], "windows": [[-160, 240]], "margin_mm": 5}
    steps = {
        name: {
            "kind": "unet",
            "plan": describe_plan(plan),
            "preparation": crop,
            "patch": (16, 16, 8)[: plan.dimension],
            "outputs": ["a", "b", "c"],
            "threshold": 0.25,
            "calibration": {"kind": "temperature", "scale": 0.5} if name == "nodes" else None,
        }
        for name, plan in PLANS.items()
    }
    content = {
        "name": "tiny",
        "recipe": "r",
        "steps": steps,
        "minimum_short_axis_mm": 4,
        "trained_on": "",
        "licence": "X",
    }
    weights = {
        "stations": [build_network(PLANS["stations"], 0).state_dict()],
        "nodes": [build_network(PLANS["nodes"], seed).state_dict() for seed in (1, 2)],
    }
    return save_bundle(tmp_path / "tiny", ModelFile.model_validate(content), weights, "# tiny")


def test_openvino_gives_the_same_logits_as_torch(bundle, tmp_path):
    written = export_openvino(bundle, tmp_path / "out")
    assert [path.name for path in written] == ["stations.xml", "nodes-0.xml", "nodes-1.xml"]
    expected = {path.with_suffix(end).name for path in written for end in (".xml", ".bin", ".json")} | {"card.md"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    core = openvino.Core()
    networks = [*bundle.networks("stations"), *bundle.networks("nodes")]
    for path, network, size in zip(written, networks, ((1, 16, 16), (2, 16, 16, 8), (2, 16, 16, 8)), strict=True):
        x = np.random.default_rng(0).random((1, *size), dtype=np.float32)
        compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
        with torch.inference_mode():
            true = network(torch.from_numpy(x)).numpy()
        assert np.abs(true).max() > 0.1
        np.testing.assert_allclose(compiled(x)[0], true, atol=1e-4)


def test_beside_each_network_stands_how_to_use_it(bundle, tmp_path):
    export_openvino(bundle, tmp_path / "out")
    use = json.loads((tmp_path / "out" / "nodes-1.json").read_text())
    step = bundle.step("nodes")
    assert (use["model"], use["step"], use["networks"], use["patch"], use["heads"]) == (
        "tiny",
        "nodes",
        2,
        [16, 16, 8],
        [1, 2],
    )
    assert (use["outputs"], use["threshold"], use["licence"]) == (["a", "b", "c"], 0.25, "X")
    assert use["preparation"] == step.preparation.model_dump(mode="json")
    assert use["calibration"] == {"kind": "temperature", "scale": 0.5, "shift": 0.0}
    assert use["weights_sha256"] == step.weights[1].sha256
    assert use["output"] == "logits (batch, outputs, x, y, z)" and use["research_use_only"] is True
    flat = json.loads((tmp_path / "out" / "stations.json").read_text())
    assert flat["output"] == "logits (batch, outputs, x, y)"


def test_nothing_half_written_is_left(bundle, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("nodewise.learn.openvino.save_openvino", broken)
    with pytest.raises(RuntimeError):
        export_openvino(bundle, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
