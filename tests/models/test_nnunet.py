"""Held against nnU-Net's own predictions; ``tests/golden/nnunet/make.py`` says how they were made."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from nodewise.io.itk import read_image, read_labels
from nodewise.models.bundle import load_bundle
from nodewise.models.nnunet import import_nnunet, load_nnunet
from nodewise.models.nnunet_window import window_starts
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity

GOLDEN = Path(__file__).parents[1] / "golden" / "nnunet"
PLAIN, RESIDUAL, LOWRES = "plain/3d_fullres", "residual/3d_fullres", "cascade/3d_lowres"


def trained(which):
    """nnU-Net's folder of a data set and configuration."""
    data, name = which.split("/")
    return GOLDEN / data / f"nnUNetTrainer__nnUNetPlans__{name}"


def image(which):
    """The CT that nnU-Net predicted."""
    return GOLDEN / ("thick.nii.gz" if which == RESIDUAL else "thin.nii.gz")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The model folder of the plain network's two folds, without mirroring."""
    return import_nnunet(trained(PLAIN), tmp_path_factory.mktemp("model"), mirroring=False, orientation="RAS").folder


def copied(tmp_path, which=PLAIN):
    """nnU-Net's folder, to be damaged."""
    return Path(shutil.copytree(trained(which), tmp_path / trained(which).name))


def edited(path, change):
    """A JSON file with ``change`` done to its content."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def dice(ours, theirs, label):
    """Of one label."""
    return 2 * np.sum((ours == label) & (theirs == label)) / np.sum((ours == label).astype(int) + (theirs == label))


@pytest.mark.parametrize(
    ("which", "mirroring"),
    [
        (PLAIN, False),
        (RESIDUAL, False),
        (RESIDUAL, True),
        (LOWRES, True),
        ("cascade/3d_cascade_fullres", False),
        ("flat/2d", False),
    ],
)
def test_labels_are_those_of_nnunet(tmp_path, which, mirroring):
    """On a CT whose axes were turned to LPS, as any is that nodewise reads."""
    bundle = import_nnunet(trained(which), tmp_path / "model", mirroring=mirroring, orientation="RAS")
    ct = closest_lps(read_image(image(which))[0])
    ours = load_nnunet(load_bundle(bundle.folder)).label_map(ct)
    theirs = closest_lps(read_labels(trained(which) / ("mirrored.nii.gz" if mirroring else "predicted.nii.gz")))
    assert ours.quantity is Quantity.LABEL and ours.grid.same_as(theirs.grid)
    assert np.mean(ours.array == theirs.array) >= 0.999
    assert np.count_nonzero(theirs.array) > 2000
    for label in (2,) if which == LOWRES else (1, 2):
        assert dice(ours.array, theirs.array, label) > 0.995


def test_probabilities_are_those_of_nnunet(tmp_path):
    """Which nnU-Net kept in float16, and the fixture in steps of 1/255."""
    bundle = import_nnunet(trained(RESIDUAL), tmp_path / "model", orientation="RAS")
    ct = read_image(image(RESIDUAL))[0]
    ours = load_nnunet(bundle).probability(ct)
    theirs = np.load(trained(RESIDUAL) / "probability.npz")["rounded"].T / 255
    assert ours.quantity is Quantity.PROBABILITY and ours.grid.same_as(ct.grid)
    difference = np.abs(ours.array - theirs)
    assert difference.mean() < 0.002 and np.mean(difference < 0.01) > 0.999


def test_an_imported_model_is_a_pipeline_whose_probability_agrees_with_the_labels(tmp_path):
    from nodewise.recipes.load import load_pipeline

    bundle = import_nnunet(trained(LOWRES), tmp_path / "model", mirroring=False, orientation="RAS", label=2)
    ct = closest_lps(read_image(image(LOWRES))[0])
    pipeline = load_pipeline(tmp_path / "model", "cpu")
    answer = pipeline.segment(Study("thin", ct, Source(ct.grid)), None)
    assert answer.grid.same_as(ct.grid) and answer.quantity is Quantity.PROBABILITY
    labels = load_nnunet(bundle).label_map(ct).array
    assert np.all(labels[answer.array > 0.5] == 2) and np.all(answer.array[labels == 2] > 1 / 3)
    assert np.count_nonzero(answer.array > 0.5) > 300
    assert (pipeline.threshold, pipeline.minimum_short_axis_mm, pipeline.name) == (0.5, 0, "cascade-3d_lowres")


def test_labels_by_openvino_are_those_of_nnunet_too(tmp_path):
    bundle = import_nnunet(trained(RESIDUAL), tmp_path / "model", mirroring=False, orientation="RAS")
    ours = load_nnunet(bundle, runtime="openvino").label_map(read_image(image(RESIDUAL))[0]).array
    assert np.mean(ours == read_labels(trained(RESIDUAL) / "predicted.nii.gz").array) >= 0.999


def test_volumes_take_several_windows(plain):
    patch = load_nnunet(load_bundle(plain)).patch
    assert [len(window_starts(n, p)) for n, p in zip((40, 38, 36), patch, strict=True)] == [4, 2, 2]


def test_the_model_folder_holds_everything(plain):
    bundle = load_bundle(plain)
    step = bundle.step("nodes")
    assert [file.name for file in step.weights] == ["nodes-0.safetensors", "nodes-1.safetensors"]
    assert step.outputs == ("background", "node", "vessel") and bundle.model.recipe == "nnunet"
    assert "Research use only" in bundle.card and "folds 0, 1" in bundle.card and "RAS" in bundle.card
    assert bundle.name == "plain-3d_fullres" and bundle.model.licence == "unknown"


def test_a_cascade_is_two_steps(tmp_path):
    bundle = import_nnunet(trained("cascade/3d_cascade_fullres"), tmp_path / "model", label=2, name="two stages")
    assert list(bundle.model.steps) == ["nodes", "before"] and bundle.name == "two stages"
    assert load_nnunet(bundle).node == 2 and load_nnunet(bundle).before is not None


def test_folds_can_be_chosen(tmp_path):
    assert len(import_nnunet(trained(PLAIN), tmp_path / "model", folds=("1",)).step("nodes").weights) == 1


def refused(folder, out, match, **chosen):
    """The one line with which an import is refused."""
    with pytest.raises(BadInputError, match=match) as caught:
        import_nnunet(folder, out, **chosen)
    assert "\n" not in str(caught.value) and not out.exists()


@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
def test_a_missing_or_damaged_file_is_refused(tmp_path, name):
    folder = copied(tmp_path)
    (folder / name).write_text("{")
    refused(folder, tmp_path / "out", f"{name} cannot be read")
    (folder / name).unlink()
    refused(folder, tmp_path / "out", f"has no {name}")


def test_a_missing_fold_or_checkpoint_is_refused(tmp_path):
    refused(trained(PLAIN), tmp_path / "out", "has no fold_3/checkpoint_final.pth", folds=("3",))
    refused(trained(PLAIN), tmp_path / "out", "no fold with a checkpoint_best.pth", checkpoint="checkpoint_best.pth")
    refused(tmp_path / "none", tmp_path / "out", "there is no such folder")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    folder = copied(tmp_path)
    path = folder / "fold_1" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:2000])
    refused(folder, tmp_path / "out", "fold_1/checkpoint_final.pth cannot be read")
    torch.save({"weights": 1}, path)
    refused(folder, tmp_path / "out", "is no checkpoint of nnU-Net v2")
    torch.save({"network_weights": {}, "init_args": {"configuration": "3d_fullres"}, "trainer_name": "mine"}, path)
    refused(folder, tmp_path / "out", "do not fit the network of plans.json; mine may build another")


def test_a_checkpoint_with_code_is_refused_and_its_code_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return Path.touch, (tmp_path / "harmed",)

    folder = copied(tmp_path)
    torch.save({"network_weights": Harm()}, folder / "fold_0" / "checkpoint_final.pth")
    refused(folder, tmp_path / "out", "holds more than weights")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"UNet_class_name": "SwinUNETR"}, "the network SwinUNETR is unknown, only PlainConvUNet and"),
        ({"normalization_schemes": ["RankNormalization"]}, "normalization_schemes.0 is RankNormalization, .* unknown"),
        ({"resampling_fn_data": "resample_torch_fornnunet"}, "resampling_fn_data is resample_torch_fornnunet"),
        ({"preprocessor_name": "Mine"}, "preprocessor_name is Mine, which is unknown here"),
        ({"n_conv_per_stage_encoder": [2, 2]}, "levels need as many blocks"),
        ({"unet_max_num_features": 16}, "do not fit the network of plans.json"),
        ({"spacing": [1.0, 1.0]}, "patch_size and spacing must have 3 numbers each"),
        ({"inherits_from": "3d_fullres"}, "no configuration 3d_fullres that could be used"),
    ],
)
def test_what_is_unknown_in_plans_is_refused(tmp_path, change, match):
    folder = copied(tmp_path)
    edited(folder / "plans.json", lambda plans: plans["configurations"]["3d_fullres"].update(change))
    refused(folder, tmp_path / "out", match)


def test_unknown_arguments_of_a_known_network_are_refused(tmp_path):
    folder = copied(tmp_path, RESIDUAL)
    edited(
        folder / "plans.json",
        lambda plans: plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"].update(stem_channels=8),
    )
    refused(folder, tmp_path / "out", "arch_kwargs.stem_channels is 8, which is unknown here")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"channel_names": {"0": "CT", "1": "PET"}}, "needs CT, PET; nodewise can give it the CT alone"),
        ({"labels": {"background": 0, "node": 2}}, "without a gap, not \\[0, 2\\]"),
        ({"labels": {"node": 1}}, "label 0 must be named background"),
        ({"labels": {"background": 0, "any": [1, 2], "node": 2}}, "2 regions need as many labels"),
    ],
)
def test_what_is_unknown_in_the_data_set_is_refused(tmp_path, change, match):
    folder = copied(tmp_path)
    edited(folder / "dataset.json", lambda content: content.update(change))
    refused(folder, tmp_path / "out", match)


def test_a_label_or_configuration_that_is_not_there_is_refused(tmp_path):
    refused(trained(PLAIN), tmp_path / "out", "no label 3 that could be node: choose one of 1 node, 2 vessel", label=3)
    refused(trained(PLAIN), tmp_path / "out", "no configuration 2d", configuration="2d")
    refused(trained(PLAIN), tmp_path / "out", "orientation RAX", orientation="RAX")


def test_a_cascade_without_its_first_stage_is_refused(tmp_path):
    folder = copied(tmp_path, "cascade/3d_cascade_fullres")
    refused(folder, tmp_path / "out", re.escape("put the first, nnUNetTrainer__nnUNetPlans__3d_lowres, beside it"))


def test_a_bundle_of_another_recipe_is_no_model_of_nnunet(blind_model):
    with pytest.raises(BadInputError, match="did not come from nnU-Net"):
        load_nnunet(load_bundle(blind_model))


def test_a_step_that_does_not_fit_itself_is_refused(plain, tmp_path):
    folder = Path(shutil.copytree(plain, tmp_path / "model"))
    edited(folder / "model.json", lambda model: model["steps"]["nodes"]["preparation"].update(before="before"))
    with pytest.raises(BadInputError, match="does not fit its preparation"):
        load_nnunet(load_bundle(folder))
    edited(folder / "model.json", lambda model: model["steps"]["nodes"]["preparation"].update(mirror_axes=[0, 0]))
    with pytest.raises(BadInputError, match="an axis is mirrored twice"):
        load_bundle(folder)


@pytest.mark.parametrize("words", [{"name": "../elsewhere"}, {"name": "a" * 101}, {"licence": "two\nlines"}])
def test_a_name_or_licence_that_no_model_can_have_is_refused(tmp_path, words):
    refused(trained(PLAIN), tmp_path / "model", "a model cannot have", **words)
