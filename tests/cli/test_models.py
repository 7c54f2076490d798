"""``nodewise models``, each command as typed."""

import json
import shutil
from pathlib import Path

import pytest

from nodewise.cli import main
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.models.bundle import load_bundle, save_bundle
from nodewise.models.model_file import ModelFile
from nodewise.models.plan_file import describe_plan

TRAINED = Path(__file__).parents[1] / "golden/nnunet/plain/nnUNetTrainer__nnUNetPlans__3d_fullres"
PLANS = {
    "stations": NetworkPlan(1, (1, 2), channels=(4, 8), blocks=(1, 1), fold=(2, 2, 1)),
    "nodes": NetworkPlan(2, (1,), channels=(4, 8), blocks=(1, 1)),
}


def model(**changes):
    windows = [[-160, 240], [-1000, 600]]
    steps = {
        name: {
            "kind": "unet",
            "plan": describe_plan(plan),
            "preparation": {
                "kind": "crop",
                "spacing_mm": [2, 2, 3],
                "windows": windows[: plan.in_channels],
                "margin_mm": 5,
            },
            "patch": (16, 16, 8),
            "outputs": [f"{name}-{i}" for i in range(sum(plan.heads))],
            "threshold": 0.25,
        }
        for name, plan in PLANS.items()
    }
    content = {
        "name": "tiny",
        "recipe": "three_step",
        "steps": steps,
        "minimum_short_axis_mm": 4.5,
        "operating_point": {
            "threshold": 0.35,
            "chosen_on": "ten balls",
            "recall": 0.81,
            "false_positives_per_case": 2.5,
        },
        "trained_on": "Drawn balls [not patients].",
        "data_fingerprint": "f" * 64,
        "versions": {"nodewise": "0.1.0"},
        "licence": "Apache-2.0",
        "sources": [{"name": "Balls of Chicago", "licence": "CC BY 4.0"}],
        "metrics": {"avg_recall_d5": {"value": 0.876, "low": 0.8, "high": 0.94, "on": "100 phantoms"}},
        "command": "nodewise train three_step --seed 0",
    }
    return ModelFile.model_validate(content | changes)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    weights = {
        "stations": [build_network(PLANS["stations"], 0).state_dict()],
        "nodes": [build_network(PLANS["nodes"], seed).state_dict() for seed in (1, 2)],
    }
    return save_bundle(tmp_path_factory.mktemp("models") / "tiny", model(), weights, "# tiny\n\nA *card*.\n").folder


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "tiny")


def run(capsys, *words, code=0):
    """What was printed: on the screen where it went well, else the one line of the error."""
    assert main.exit_code(["models", *map(str, words)]) == code
    printed = capsys.readouterr()
    if code == 0:
        return " ".join(printed.out.split())
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    return printed.err


def test_the_word_alone_is_its_help(capsys):
    assert "import-nnunet" in run(capsys)


@pytest.mark.parametrize("command", ["list", "info", "verify", "export", "ensemble", "import-nnunet"])
def test_each_command_has_an_example(capsys, command):
    assert f"Example: nodewise models {command}" in run(capsys, command, "--help")


def test_bundled_models_are_listed(capsys):
    listed = json.loads(run(capsys, "list", "--json"))
    assert listed and all(row["trained_on"] and row["steps"] and "refused" not in row for row in listed)
    assert listed[0]["name"] in run(capsys, "list")


def test_a_folder_of_models_is_listed_and_what_is_refused_says_why(capsys, folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "runs" / "broken")
    (broken / "nodes-1.safetensors").unlink()
    rows = {row["folder"]: row for row in json.loads(run(capsys, "list", tmp_path, "--json"))}
    assert rows[str(folder)]["steps"] == ["stations", "nodes"]
    assert rows[str(folder)]["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert "nodes-1.safetensors is missing" in rows[str(broken)]["refused"]
    assert {"Drawn", "balls", "[not", "patients]."} <= set(run(capsys, "list", folder).split())
    assert "there is no model in" in run(capsys, "list", tmp_path / "nowhere", code=2)


def test_info_says_everything_in_the_model_file(capsys, folder):
    said = run(capsys, "info", folder)
    for part in (
        "three_step", "Drawn balls [not patients].", "Balls of Chicago (CC BY 4.0)", "4.5 mm", "0.35", "ten balls",
        "nodewise train three_step --seed 0", "0.81", "2.5", "stations-0, stations-1, stations-2", "0.25", "2 × 3-D",
        "channels 4, 8", "voxels at a time", "spacing mm [2.0, 2.0, 3.0]", "avg_recall_d5", "0.876", "0.8 to 0.94",
        "100 phantoms", "A card.",
    ):  # fmt: skip
        assert part in said, part
    assert ModelFile.model_validate_json(run(capsys, "info", folder, "--json")) == load_bundle(folder).model


def test_models_of_one_kind_become_one(capsys, folder, tmp_path):
    weights = {name: [build_network(plan, 7).state_dict()] for name, plan in PLANS.items()}
    other = save_bundle(tmp_path / "other", model(), weights, "# other").folder
    assert "model:" in run(capsys, "ensemble", folder, other, "-o", tmp_path / "both", "--name", "both")
    assert "both is whole and unchanged" in run(capsys, "verify", tmp_path / "both")
    assert load_bundle(tmp_path / "both").model.steps["nodes"].weights[-1].name == "nodes-2.safetensors"
    assert "already holds something" in run(capsys, "ensemble", folder, other, "-o", tmp_path / "both", code=2)
    assert "needs two models" in run(capsys, "ensemble", folder, "-o", tmp_path / "one", code=2)
    assert not (tmp_path / "one").exists()


def test_verify_passes_what_is_sound(capsys, folder):
    parameters = 2 * sum(p.numel() for p in build_network(PLANS["nodes"], 0).parameters())
    said = run(capsys, "verify", folder)
    assert f"nodes: 2 networks, {parameters:,} parameters, sound" in said
    assert "whole and unchanged" in said
    assert "whole and unchanged" in run(capsys, "verify")


def test_verify_refuses_a_changed_byte(capsys, folder):
    path = folder / "stations.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "its SHA-256 is not that of model.json" in run(capsys, "verify", folder, code=2)


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), "some weights are not finite"), (3e38, "the network's answer to zeros is not finite")],
)
def test_verify_refuses_weights_that_compute_nonsense(capsys, tmp_path, value, said):
    weights = {name: [build_network(plan, 0).state_dict()] for name, plan in PLANS.items()}
    for tensor in weights["nodes"][0].values():
        tensor.fill_(value)
    folder = save_bundle(tmp_path / "m", model(), weights, "").folder
    assert said in run(capsys, "verify", folder, code=2)


def test_export_is_a_copy_and_nothing_else_goes_along(capsys, folder, tmp_path):
    (folder / "patients.csv").write_text("secret")
    run(capsys, "export", folder, "-o", tmp_path / "copy")
    names = ["card.md", "model.json", "nodes-0.safetensors", "nodes-1.safetensors", "stations.safetensors"]
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == names
    assert all((tmp_path / "copy" / name).read_bytes() == (folder / name).read_bytes() for name in names)
    assert load_bundle(tmp_path / "copy").model == load_bundle(folder).model
    assert "already holds something" in run(capsys, "export", folder, "-o", tmp_path / "copy", code=2)
    run(capsys, "export", folder, "-o", tmp_path / "copy", "--overwrite")


def test_export_never_replaces_the_model_itself(capsys, folder):
    assert "on top of" in run(capsys, "export", folder, "-o", folder, "--overwrite", code=2)
    assert "on top of" in run(capsys, "export", folder, "-o", folder.parent, "--overwrite", code=2)
    assert load_bundle(folder)


def test_export_to_openvino_names_each_network(capsys, folder, tmp_path):
    said = run(capsys, "export", folder, "-o", tmp_path / "ir", "--format", "openvino")
    for name in ("stations", "nodes-0", "nodes-1"):
        assert f"network: {tmp_path / 'ir' / name}.xml" in said
        assert json.loads((tmp_path / "ir" / f"{name}.json").read_text())["patch"] == [16, 16, 8]


def test_every_option_reaches_the_import(capsys, folder, tmp_path, monkeypatch):
    asked = {}

    def fake(source, out, **options):
        asked.update(source=source, out=out, **options)
        return load_bundle(folder)

    monkeypatch.setattr("nodewise.models.nnunet.import_nnunet", fake)
    typed = "--name mine --fold 0 --fold all --configuration 3d_lowres --checkpoint checkpoint_best.pth --label 2"
    more = ["--licence", "CC BY 4.0", "--no-mirror", "--orientation", "RAS"]
    assert f"model: {folder}" in run(
        capsys, "import-nnunet", tmp_path / "nn", "-o", tmp_path / "o", *typed.split(), *more
    )
    assert asked == {
        "source": tmp_path / "nn", "out": tmp_path / "o", "name": "mine", "folds": ("0", "all"), "mirroring": False,
        "configuration": "3d_lowres", "checkpoint": "checkpoint_best.pth", "label": 2, "licence": "CC BY 4.0",
        "orientation": "RAS",
    }  # fmt: skip
    asked.clear()
    assert "already holds something" in run(capsys, "import-nnunet", tmp_path / "nn", "-o", folder, code=2)
    assert "on top of" in run(capsys, "import-nnunet", folder, "-o", folder, "--overwrite", code=2)
    assert not asked


@pytest.mark.skipif(not TRAINED.is_dir(), reason=f"needs {TRAINED}, a model trained by nnU-Net")
def test_a_model_trained_by_nnunet_is_imported_and_sound(capsys, tmp_path):
    out = tmp_path / "imported"
    run(capsys, "import-nnunet", TRAINED, "-o", out, "--fold", "0", "--name", "mine", "--licence", "CC0")
    assert "nodes: 1 network" in run(capsys, "verify", out)
    model = load_bundle(out).model
    assert (model.name, model.recipe, model.licence) == ("mine", "nnunet", "CC0")
    assert "nnunet" in run(capsys, "list", tmp_path)
    assert "plain U-Net" in run(capsys, "info", out)


def test_what_is_not_of_nnunet_leaves_nothing(capsys, tmp_path):
    (tmp_path / "nn").mkdir()
    run(capsys, "import-nnunet", tmp_path / "nn", "-o", tmp_path / "o", code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["nn"]


def test_what_is_no_model_is_refused_in_one_line(capsys, tmp_path):
    for command in (["info"], ["verify"], ["export", "-o", tmp_path / "out"]):
        assert "is no model folder" in run(capsys, *command, tmp_path, code=2)
        assert "there is no model nowhere" in run(capsys, *command, "nowhere", code=2)
    assert not (tmp_path / "out").exists()
