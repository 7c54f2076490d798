import json

import pytest
import torch

from nodewise.learn.first_network import NetworkPlan, build_network
from nodewise.models import first_bundle as bundling
from nodewise.models.first_bundle import (
    ModelFile,
    describe_network,
    describe_preparation,
    load_bundle,
    save_bundle,
)
from nodewise.models.preparation import Preparation
from nodewise.values.errors import BadInputError

PLAN = NetworkPlan(2, 3, channels=(4, 8), blocks=(1, 1))
PREPARATION = Preparation((1.5, 1.5, 2.0), ((-160.0, 240.0), (-1000.0, 600.0)), margin_mm=7.0)


def model_file(**changes):
    content = {
        "name": "tiny",
        "recipe": "three_step",
        "preparation": describe_preparation(PREPARATION),
        "network": describe_network(PLAN),
        "patch": (8, 8, 8),
        "classes": ("other", "node", "vessel"),
        "threshold": 0.4,
        "minimum_short_axis_mm": 4.0,
        "trained_on": "nothing",
        "data_fingerprint": "0" * 64,
        "steps": 0,
        "seed": 0,
        "versions": {"nodewise": "0"},
        "licence": "Apache-2.0",
        "metrics": {"node_dice": 0.5},
    }
    return ModelFile.model_validate(content | changes)


@pytest.fixture
def folder(tmp_path):
    save_bundle(tmp_path / "tiny", model_file(), build_network(PLAN, 3).state_dict(), "# tiny\n")
    return tmp_path / "tiny"


def test_what_is_saved_is_what_is_loaded(folder):
    bundle = load_bundle(folder)
    assert bundle.name == "tiny"
    assert bundle.card == "# tiny\n"
    assert bundle.preparation == PREPARATION
    x = torch.rand(1, 2, 8, 8, 8)
    with torch.inference_mode():
        assert torch.equal(bundle.network()(x), build_network(PLAN, 3).eval()(x))
    assert sorted(p.name for p in folder.iterdir()) == ["card.md", "model.json", "weights.safetensors"]


def test_weights_of_16_mb_or_more_are_kept_in_half_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(bundling, "LARGEST_BYTES", 1000)
    bundle = save_bundle(tmp_path, model_file(), build_network(PLAN, 3).state_dict(), "")
    for kept, exact in zip(bundle.network().parameters(), build_network(PLAN, 3).parameters(), strict=True):
        assert kept.dtype == torch.float32
        assert torch.equal(kept, exact.half().float())


def test_changed_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInputError, match="damaged or was changed"):
        load_bundle(folder)


def _edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_newer_schema_is_refused_even_with_unknown_fields(folder):
    _edit(folder, schema_version=99, brand_new=1)
    with pytest.raises(BadInputError, match=r"schema 99, this nodewise reads up to 1: update nodewise"):
        load_bundle(folder)


@pytest.mark.parametrize("change", [{"threshold": 2}, {"patch": [8, 8]}, {"unknown": 1}, {"schema_version": "one"}])
def test_a_model_file_that_says_nonsense_is_refused_in_one_line(folder, change):
    _edit(folder, **change)
    with pytest.raises(BadInputError, match=r"model\.json cannot be read") as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_no_json_and_no_folder_are_refused(folder, tmp_path):
    (folder / "model.json").write_text("{")
    with pytest.raises(BadInputError, match="cannot be read"):
        load_bundle(folder)
    with pytest.raises(BadInputError, match="is no model folder"):
        load_bundle(tmp_path / "nowhere")


def test_weights_of_another_network_are_refused(folder):
    network = describe_network(NetworkPlan(2, 3, channels=(4, 16), blocks=(1, 1)))
    _edit(folder, network=network.model_dump(mode="json"))
    with pytest.raises(BadInputError, match="do not fit"):
        load_bundle(folder).network()


def test_the_newer_reader_reads_it_too(folder):
    from nodewise.models.bundle import load_bundle as newer

    bundle = newer(folder)
    step = bundle.step("nodes")
    assert (step.kind, step.outputs, step.threshold, step.patch) == (
        "first",
        ("other", "node", "vessel"),
        0.4,
        (8, 8, 8),
    )
    assert step.preparation.build() == PREPARATION
    assert bundle.model.metrics["node_dice"].value == 0.5
    x = torch.rand(1, 2, 8, 8, 8)
    (network,) = bundle.networks("nodes")
    with torch.inference_mode():
        assert torch.equal(network(x), build_network(PLAN, 3).eval()(x))
