"""Model folders of schema 2: written, read, and refused."""

import hashlib
import json
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.resnet import ResNetPlan, build_resnet
from nodewise.models import bundle as bundling
from nodewise.models.bundle import bundled_models, load_bundle, save_bundle
from nodewise.models.calibration import Isotonic, Temperature
from nodewise.models.calibration_file import describe_calibration
from nodewise.models.model_file import ModelFile
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.models.plan_file import describe_plan
from nodewise.models.preparation import Preparation
from nodewise.models.preparation_file import describe_preparation
from nodewise.models.verify import verify
from nodewise.values.errors import BadInputError

PLAN = NetworkPlan(2, (3,), channels=(4, 8), blocks=(1, 1))
PREPARATION = Preparation((1.5, 1.5, 2.0), ((-160.0, 240.0), (-1000.0, 600.0)), margin_mm=7.0)


def step_file(plan=PLAN, **changes):
    content = {
        "kind": "unet",
        "plan": describe_plan(plan),
        "preparation": describe_preparation(PREPARATION),
        "patch": (8, 8, 8),
        "outputs": ("other", "node", "vessel"),
        "threshold": 0.4,
        "steps": 10,
    }
    return content | changes


def model_file(steps=None, **changes):
    content = {
        "name": "tiny",
        "recipe": "three_step",
        "steps": steps or {"nodes": step_file()},
        "minimum_short_axis_mm": 4.0,
        "operating_point": {"threshold": 0.3, "chosen_on": "balls", "recall": 0.8, "false_positives_per_case": 2.0},
        "trained_on": "nothing",
        "data_fingerprint": "0" * 64,
        "versions": {"nodewise": "0"},
        "licence": "Apache-2.0",
        "sources": [{"name": "balls", "licence": "CC BY 4.0"}],
        "metrics": {"recall": {"value": 0.8, "low": 0.7, "high": 0.9, "on": "100 balls"}},
    }
    return ModelFile.model_validate(content | changes)


@pytest.fixture
def folder(tmp_path):
    save_bundle(tmp_path / "tiny", model_file(), {"nodes": [build_network(PLAN, 3).state_dict()]}, "# tiny\n")
    return tmp_path / "tiny"


def test_what_is_saved_is_what_is_loaded(folder):
    bundle = load_bundle(folder)
    step = bundle.step("nodes")
    assert (bundle.name, bundle.card, step.outputs) == ("tiny", "# tiny\n", ("other", "node", "vessel"))
    assert step.preparation.build() == PREPARATION
    assert NetworkPlan(**dict(step.plan)) == PLAN
    assert sorted(p.name for p in folder.iterdir()) == ["card.md", "model.json", "nodes.safetensors"]
    assert step.weights[0].sha256 == hashlib.sha256((folder / "nodes.safetensors").read_bytes()).hexdigest()
    (network,) = bundle.networks("nodes")
    assert not network.training
    x = torch.rand(1, 2, 8, 8, 8)
    with torch.inference_mode():
        assert torch.equal(network(x), build_network(PLAN, 3).eval()(x))


def test_an_ensemble_and_several_steps(tmp_path):
    flat = NetworkPlan(1, (2, 3), channels=(4, 8), blocks=(1, 1), dimension=2, norm="batch", fold=(2, 2), auxiliary=4)
    stations = step_file(flat, patch=(16, 16), outputs=("a", "b", "c", "d", "e"))
    model = model_file({"stations": stations, "nodes": step_file()})
    weights = {
        "stations": [build_network(flat, 0).state_dict()],
        "nodes": [build_network(PLAN, seed).state_dict() for seed in (1, 2)],
    }
    saved = save_bundle(tmp_path / "m", model, weights, "")
    bundle = load_bundle(tmp_path / "m")
    assert saved == bundle
    assert [file.name for file in bundle.step("nodes").weights] == ["nodes-0.safetensors", "nodes-1.safetensors"]
    first, second = bundle.networks("nodes")
    assert not torch.equal(
        first.state_dict()["decoder.seg_layers.0.weight"], second.state_dict()["decoder.seg_layers.0.weight"]
    )
    x = torch.rand(1, 1, 16, 16)
    with torch.inference_mode():
        assert torch.equal(bundle.networks("stations")[0](x), build_network(flat, 0).eval()(x))
    with pytest.raises(BadInputError, match="the model tiny has no step malignancy, only stations, nodes"):
        bundle.step("malignancy")


def test_a_classifier_of_nodes_with_its_calibration(tmp_path):
    plan = ResNetPlan(2, channels=(8, 16), blocks=(1, 2), stem=2)
    preparation = NodePatchPreparation(16, 1.5, ((-160.0, 240.0),), shrink_large=True)
    calibrations = (Temperature(0.5, -1.0), Isotonic((0.1, 0.6), (0.0, 1.0)))
    for n, calibration in enumerate(calibrations):
        step = step_file(plan, kind="resnet", patch=(16, 16, 16), outputs=("metastatic",))
        step |= {"preparation": describe_preparation(preparation), "calibration": describe_calibration(calibration)}
        save_bundle(tmp_path / str(n), model_file({"malignancy": step}), {"malignancy": [trained(plan)]}, "")
        bundle = load_bundle(tmp_path / str(n))
        kept = bundle.step("malignancy")
        assert (kept.preparation.build(), kept.calibration.build()) == (preparation, calibration)
        assert ResNetPlan(**dict(kept.plan)) == plan
        exact = build_resnet(plan, 5).eval()
        exact.load_state_dict(trained(plan))
        x = torch.rand(3, 2, 16, 16, 16)
        with torch.inference_mode():
            assert torch.equal(bundle.networks("malignancy")[0](x), exact(x))
        assert verify(bundle) == {"malignancy": sum(p.numel() for p in exact.parameters())}


def trained(plan):
    """Weights with which not every image gets the same answer."""
    return {name: tensor + 0.1 for name, tensor in build_resnet(plan, 5).state_dict().items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"outputs": ("a", "b")}, "one output, and 2 are named"),
        ({"patch": (16, 16, 2)}, "smaller than 4"),
        ({"patch": (16, 16)}, "smaller than 4"),
        ({"patch": (2048, 2048, 4), "plan": {"channels": (4096, 4096)}}, "too many"),
    ],
)
def test_a_classifier_that_cannot_be_is_refused(change, said):
    plan = describe_plan(ResNetPlan(2, channels=(8, 16), blocks=(1, 2), stem=2)).model_dump() | change.pop("plan", {})
    step = step_file(kind="resnet", patch=(16, 16, 16), outputs=("metastatic",)) | {"plan": plan} | change
    with pytest.raises(ValueError, match=said):
        model_file({"malignancy": step})


def test_loaded_networks_can_be_trained_further(folder):
    (network,) = load_bundle(folder).networks("nodes")
    network.train()(torch.rand(1, 2, 8, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_weights_above_16_mb_are_kept_in_half_precision(tmp_path, monkeypatch):
    monkeypatch.setattr(bundling, "LARGEST_BYTES", 1000)
    bundle = save_bundle(tmp_path, model_file(), {"nodes": [build_network(PLAN, 3).state_dict()]}, "")
    (network,) = bundle.networks("nodes")
    for kept, exact in zip(network.parameters(), build_network(PLAN, 3).parameters(), strict=True):
        assert kept.dtype == torch.float32
        assert torch.equal(kept, exact.half().float())
    assert (tmp_path / "nodes.safetensors").stat().st_size < 2.2 * sum(p.numel() for p in network.parameters()) + 8000


def test_weights_too_large_for_half_precision_stay_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(bundling, "LARGEST_BYTES", 1000)
    weights = build_network(PLAN, 3).state_dict()
    weights["decoder.seg_layers.0.bias"][0] = 1e6
    bundle = save_bundle(tmp_path, model_file(), {"nodes": [weights]}, "")
    assert bundle.networks("nodes")[0].state_dict()["decoder.seg_layers.0.bias"][0] == 1e6


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path, folder):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    weights = {"nodes": [build_network(PLAN, 4).state_dict()]}
    with pytest.raises(BadInputError, match="already holds something"):
        save_bundle(tmp_path / "mine", model_file(), weights, "")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"
    assert save_bundle(folder, model_file(), weights, "anew") == load_bundle(folder)
    assert load_bundle(folder).card == "anew"


def test_weights_must_be_those_of_the_steps(tmp_path):
    with pytest.raises(ValueError, match="for the steps"):
        save_bundle(tmp_path / "m", model_file(), {}, "")
    assert not (tmp_path / "m").exists()


def test_changed_weights_are_refused(folder):
    path = folder / "nodes.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInputError, match="damaged or was changed"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["nodes.safetensors", "card.md", "model.json"])
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(BadInputError, match=name):
        load_bundle(folder)


def _edit(folder, change):
    path = folder / "model.json"
    content = json.loads(path.read_text())
    change(content, content["steps"]["nodes"])
    path.write_text(json.dumps(content))


def test_a_newer_schema_is_refused_even_with_unknown_fields(folder):
    _edit(folder, lambda model, _: model.update(schema_version=99, brand_new=1))
    with pytest.raises(BadInputError, match=r"schema 99, this nodewise reads up to 2: update nodewise"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m, s: m.update(unknown=1), "unknown"),
        (lambda m, s: m.update(schema_version="two"), "schema_version"),
        (lambda m, s: m.update(name="../x"), "name"),
        (lambda m, s: m.update(steps={}), "steps"),
        (lambda m, s: s.update(threshold=2), "threshold"),
        (lambda m, s: s.update(threshold=float("nan")), "threshold"),
        (lambda m, s: s.update(patch=[8, 8]), "patch"),
        (lambda m, s: s.update(patch=[8, 8, 9]), "multiple"),
        (lambda m, s: s.update(patch=[2048, 2048, 2048]), "patch"),
        (lambda m, s: s.update(outputs=["node"]), "3 outputs, and 1 are named"),
        (lambda m, s: s.update(kind="resnet"), "resnet"),
        (lambda m, s: s.update(weights=[]), "no weights"),
        (lambda m, s: s["weights"][0].update(name="../nodes.safetensors"), "weights"),
        (lambda m, s: s["weights"][0].update(name="/etc/passwd"), "weights"),
        (lambda m, s: s["preparation"].update(kind="else"), "preparation"),
        (lambda m, s: s["plan"].update(channels=[4, 10**9]), "channels"),
        (lambda m, s: s["plan"].update(blocks=[1, 10**9]), "blocks"),
        (lambda m, s: s["plan"].update(blocks=[1]), "as many blocks"),
        (lambda m, s: s["plan"].update(kernels=[[3, 3], [3, 3]]), "3 numbers"),
        (lambda m, s: s.update(calibration={"kind": "isotonic", "x": [0.5, 0.1], "y": [0, 1]}), "x rises"),
        (lambda m, s: s.update(calibration={"kind": "temperature", "scale": 0}), "scale"),
    ],
)
def test_a_model_file_that_says_nonsense_is_refused_in_one_line(folder, change, said):
    _edit(folder, change)
    with pytest.raises(BadInputError, match=r"model\.json cannot be read") as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value) and said in str(caught.value)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("two\nlines"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_anywhere_it_is_read_or_refused_in_one_line(folder, data):
    whole = (folder / "model.json").read_text()
    content = place = json.loads(whole)
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(ODD)
    (folder / "model.json").write_text(json.dumps(content))
    try:
        bundle = load_bundle(folder)
        for name in bundle.model.steps:
            bundle.networks(name)
    except BadInputError as refused:
        assert "\n" not in str(refused)
    finally:
        (folder / "model.json").write_text(whole)


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"schema_version": true}', "[" * 100_000, "\xff"])
def test_no_json_and_no_folder_are_refused(folder, tmp_path, text):
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInputError, match="cannot be read") as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="is no model folder"):
        load_bundle(tmp_path / "nowhere")


def test_weights_of_another_network_are_refused_before_memory_is_asked_for(folder):
    """Channels of 8 GB in weights; the file has a few kilobytes."""
    huge = {"channels": [4096, 4096], "blocks": [4, 4]}
    _edit(folder, lambda m, s: (s["plan"].update(huge), s.update(patch=[4, 4, 4])))
    with pytest.raises(BadInputError, match="do not fit the network") as caught:
        load_bundle(folder).networks("nodes")
    assert "\n" not in str(caught.value)


def test_loading_leaves_torchs_compiler_alone(folder):
    """Importing it takes longer than everything else that loading does."""
    code = (
        "import sys; from pathlib import Path; from nodewise.models.bundle import load_bundle\n"
        f"load_bundle(Path({str(folder)!r})).networks('nodes'); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_even_kernel_is_refused_in_one_line(folder):
    _edit(folder, lambda m, s: s["plan"].update(kernels=[[2, 2, 2], [3, 3, 3]]))
    with pytest.raises(BadInputError, match="do not fit the network"):
        load_bundle(folder).networks("nodes")


def test_the_hash_of_several_files_is_that_of_their_hashes():
    weights = [{"name": f"{i}.safetensors", "sha256": str(i) * 64} for i in range(2)]
    assert model_file({"nodes": step_file(weights=weights[:1])}).weights_sha256 == "0" * 64
    both = hashlib.sha256(("0" * 64 + "\n" + "1" * 64).encode()).hexdigest()
    assert model_file({"nodes": step_file(weights=weights)}).weights_sha256 == both


def test_every_bundled_model_is_sound_small_and_has_a_card():
    assert bundled_models()
    for bundle in bundled_models():
        assert "Research use only" in bundle.card
        for name, step in bundle.model.steps.items():
            assert bundle.networks(name)
            assert all((bundle.folder / file.name).stat().st_size <= bundling.LARGEST_BYTES for file in step.weights)


def test_bundled_models_are_found_beside_the_package(folder, monkeypatch):
    (folder.parent / "weights").mkdir()
    folder.rename(folder.parent / "weights" / "tiny")
    monkeypatch.setattr(bundling, "files", lambda _name: folder.parent)
    assert [b.name for b in bundled_models()] == ["tiny"]
