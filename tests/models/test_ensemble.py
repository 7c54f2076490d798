"""Models of one kind as one: what it answers, what it says of itself, what is refused."""

import hashlib

import pytest
import torch
from torch import nn

from nodewise.learn.log_odds import LogOdds
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.runtime import runtime
from nodewise.models.bundle import load_bundle, save_bundle
from nodewise.models.ensemble import join_models
from nodewise.models.model_file import ModelFile
from nodewise.models.plan_file import describe_plan
from nodewise.values.errors import BadInputError

PLAN = NetworkPlan(1, (1,), channels=(4, 8), blocks=(1, 1))
CROP = {"kind": "crop", "spacing_mm": [2, 2, 3], "windows": [[-160, 240]], "margin_mm": 5}
STEP = {
    "kind": "unet", "plan": describe_plan(PLAN), "preparation": CROP, "patch": (16, 16, 8), "outputs": ["node"],
    "threshold": 0.2, "calibration": {"kind": "temperature", "scale": 0.5, "shift": -1.0}, "steps": 100,
}  # fmt: skip
CONTENT = {
    "name": "fold",
    "recipe": "three_step",
    "minimum_short_axis_mm": 4,
    "operating_point": {"threshold": 0.3, "chosen_on": "ten balls", "recall": 0.8, "false_positives_per_case": 2},
    "trained_on": "Drawn balls.",
    "data_fingerprint": "a",
    "versions": {"nodewise": "0.0.1", "torch": "2.9"},
    "licence": "Apache-2.0",
    "sources": [{"name": "Balls", "licence": "CC BY 4.0"}],
    "metrics": {"recall": {"value": 0.876, "on": "fold 0"}},
    "command": "nodewise train three_step --fold 0",
}


def _fold(folder, seed, step=None, **changes):
    content = CONTENT | {"steps": {"nodes": STEP | (step or {})}} | changes
    plan = NetworkPlan(1, (1,), channels=tuple(content["steps"]["nodes"]["plan"].channels), blocks=(1, 1))
    network = build_network(plan, seed)
    nn.init.normal_(network.decoder.seg_layers[-1].weight, generator=torch.Generator().manual_seed(seed))
    return save_bundle(folder, ModelFile.model_validate(content), {"nodes": [network.state_dict()]}, "# fold")


def test_the_ensembles_probability_is_the_mean_of_its_members(tmp_path):
    folds = [_fold(tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    pair = join_models(folds[:2], tmp_path / "pair")
    both = join_models([pair, folds[2]], tmp_path / "both")  # an ensemble counts as many as it has networks
    x = torch.randn(2, 1, 16, 16, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        each = [fold.networks("nodes")[0](x).sigmoid() for fold in folds]
    found = runtime([LogOdds(both.networks("nodes"))], runtime="torch", half=False)(x).sigmoid()
    torch.testing.assert_close(found, sum(each) / 3)
    assert (each[0] - each[1]).abs().max() > 0.05


def test_what_it_says_of_itself(tmp_path):
    more = [{"name": "Balls", "licence": "CC BY 4.0"}, {"name": "Cubes", "licence": "CC0"}]
    changes = {"sources": more, "licence": "MIT", "data_fingerprint": "b", "versions": {"torch": "2.10"}, "metrics": {}}
    step = {"threshold": 0.4, "calibration": {"kind": "temperature", "scale": 1.5, "shift": 0.0}, "steps": 300}
    folds = [_fold(tmp_path / "a", 1), _fold(tmp_path / "b", 2, step, operating_point={"threshold": 0.5}, **changes)]
    bundle = load_bundle(join_models(folds, tmp_path / "both").folder)
    model, nodes = bundle.model, bundle.step("nodes")
    assert (model.name, model.licence, model.trained_on) == ("fold-ensemble-of-2", "Apache-2.0; MIT", "Drawn balls.")
    assert (nodes.threshold, nodes.steps) == (pytest.approx(0.3), 300)
    assert (nodes.calibration.scale, nodes.calibration.shift) == (1.0, -0.5)
    assert model.operating_point.threshold == pytest.approx(0.4)
    assert model.operating_point.recall is None
    assert [source.name for source in model.sources] == ["Balls", "Cubes"]
    assert model.data_fingerprint == hashlib.sha256(b"a\nb").hexdigest()
    assert model.versions["torch"] == "2.9, 2.10"
    assert model.metrics == {}
    assert [file.sha256 for file in nodes.weights] == [fold.step("nodes").weights[0].sha256 for fold in folds]
    for part in ("2 × 3-D", "the mean of 2 models' thresholds", "Nothing on the ensemble", "0.876", "--fold 0"):
        assert part in bundle.card, part


def test_calibrations_without_a_mean_are_refused(tmp_path):
    knots = [{"calibration": {"kind": "isotonic", "x": [0.1, 0.9], "y": [0, y]}} for y in (0.5, 0.6)]
    folds = [_fold(tmp_path / str(i), i, step) for i, step in enumerate(knots)]
    with pytest.raises(BadInputError, match="nodes is calibrated by different curves"):
        join_models(folds, tmp_path / "both")
    warm = _fold(tmp_path / "warm", 5)
    with pytest.raises(BadInputError, match="nodes is calibrated by different curves"):
        join_models([folds[0], warm], tmp_path / "both")
    assert not (tmp_path / "both").exists()
    same = [folds[0], _fold(tmp_path / "c", 3, knots[0])]
    assert join_models(same, tmp_path / "same").step("nodes").calibration == folds[0].step("nodes").calibration


@pytest.mark.parametrize(
    ("step", "changes", "why"),
    [
        ({"plan": describe_plan(NetworkPlan(1, (1,), channels=(4, 12), blocks=(1, 1)))}, {}, "nodes: plan channels"),
        ({"preparation": CROP | {"margin_mm": 7}}, {}, "nodes: preparation margin_mm is 5.0 in one and 7.0 in the"),
        ({"patch": (16, 16, 16)}, {}, "nodes: patch"),
        ({"threshold": None}, {}, "nodes: threshold is there in one and missing in the other"),
        ({}, {"recipe": "nnunet"}, "recipe is three_step in one and nnunet in the other"),
        ({}, {"minimum_short_axis_mm": 5}, "minimum_short_axis_mm"),
        ({}, {"licence": "x" * 1995}, "the models cannot be joined: at licence"),
    ],
)
def test_what_differs_is_named_in_one_line(tmp_path, step, changes, why):
    folds = [_fold(tmp_path / "a", 1), _fold(tmp_path / "b", 2, step, **changes)]
    with pytest.raises(BadInputError, match=why) as told:
        join_models(folds, tmp_path / "both")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "both").exists()


def test_the_same_model_twice_is_refused(tmp_path):
    fold = _fold(tmp_path / "a", 1)
    with pytest.raises(BadInputError, match="have the same weights"):
        join_models([fold, fold], tmp_path / "both")
