"""Training end to end on chests made by hand, in networks that a processor sees through in no time."""

import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from nodewise.datasets.read import read_dataset
from nodewise.io.folder import read_study
from nodewise.learn.loss import IGNORE
from nodewise.learn.smart_cache import SmartCache
from nodewise.models.bundle import load_bundle
from nodewise.models.ensemble import join_models
from nodewise.models.export import copy_model
from nodewise.recipes.atlas_prior import train
from nodewise.recipes.atlas_prior.after import After
from nodewise.recipes.atlas_prior.batches import PriorBatches, textured
from nodewise.recipes.atlas_prior.cases import INSIDE, NODE, PRIOR
from nodewise.recipes.atlas_prior.effort import Effort
from nodewise.recipes.atlas_prior.learn import Validate
from nodewise.recipes.atlas_prior.material import gather
from nodewise.recipes.atlas_prior.prior import load_atlas
from nodewise.recipes.atlas_prior.semi import SemiBatches, SemiLoss, post_processed
from nodewise.recipes.atlas_prior.split import divided, paper_folds
from nodewise.recipes.atlas_prior.survey import load_anatomy, save_anatomy
from nodewise.recipes.atlas_prior.way import ROWS, SIZES, PriorWay
from nodewise.recipes.load import load_pipeline, with_given
from nodewise.story import assess
from nodewise.values.errors import BadInputError

from .conftest import GRID, HAND, PLAIN, SEATS, by_hand, chest

TINY = Effort(steps=3, size=SIZES["tiny"], device="cpu", workers=0)


def _quiet(_what, _done, _total):
    pass


@pytest.fixture(scope="module")
def gathered(chests, tmp_path_factory):
    training, validating = divided(read_dataset(chests).cases, 0)
    return gather(training, validating, tmp_path_factory.mktemp("cache"), TINY, _quiet, HAND)


@pytest.fixture(scope="module")
def trained(chests, tmp_path_factory):
    """A model with an atlas of its own, a few steps old."""
    return train(tmp_path_factory.mktemp("run"), TINY, chests, reader=PLAIN)[0]


def test_what_is_prepared(gathered):
    material = gathered.material
    assert (len(material.training), len(material.validating)) == (11, 1)
    assert sorted({case.source for case in material.training}) == ["full", "partial"]
    assert material.preparation.spacing_mm == (3.0, 3.0, 3.0)
    case = material.training[0]
    hu, distance, prior = np.asarray(case.image(), np.float32)
    labels = case.labels()
    assert np.median(hu[labels[NODE] == 1]) == pytest.approx(60, abs=8)
    assert np.allclose(prior / 1000, labels[PRIOR] / 254, atol=0.003)
    assert prior.max() > 950
    assert 0 <= distance.min() < 30 < distance.max() < 400  # of 273.7 mm, in thousandths
    assert labels[INSIDE][case.shape[0] // 2, case.shape[1] // 2, case.shape[2] // 2] == 1
    assert 0.2 < labels[INSIDE].mean() < 1
    shown = material.preparation.shown(np.stack([hu, distance, prior]))
    i = material.preparation.intensity
    assert shown[0].max() == pytest.approx((i.percentile_99_5 - i.mean) / i.std, rel=1e-4)
    assert shown[0].min() == pytest.approx((i.percentile_00_5 - i.mean) / i.std, rel=1e-4)
    assert 0 <= shown[1:].min() <= shown[1:].max() <= 1


def test_unlabelled_nodes_of_partly_annotated_scans_are_background(gathered):
    case = next(case for case in gathered.material.training if case.source == "partial")
    hu, node = np.asarray(case.image()[0]), case.labels()[NODE]
    bright = hu > 30
    assert (node[bright] == 0).sum() > 20  # the second node
    assert not (node == IGNORE).any()


def _batches(gathered, way, **more):
    m = gathered.material
    how = {"count": 100, **more}
    return PriorBatches(m.training, way, m.preparation, m.patch, 2, **how)


def test_half_of_every_batch_is_fully_annotated(gathered):
    batches = _batches(gathered, PriorWay(gin_ipa=False))
    patches = batches.patches(0)
    sources = [{patches._choose(n, i, np.random.default_rng(0))[0].source for i in (0, 1)} for n in range(20)]
    assert all(one == {"full", "partial"} for one in sources)
    alike = _batches(gathered, replace(batches.way, oversample=False)).patches(0)
    drawn = [alike._choose(n, i, np.random.default_rng((n, i)))[0].source for n in range(100) for i in (0, 1)]
    assert 0.5 < drawn.count("full") / len(drawn) < 0.78  # 7 of 11


def test_a_batch_follows_from_its_number_and_textures_touch_the_ct_alone(gathered):
    plain, looked = (_batches(gathered, PriorWay(gin_ipa=gin)) for gin in (False, True))
    (a, truth), (b, _), (c, other) = plain(90), looked(90), looked(90)
    assert torch.equal(b, c) and torch.equal(truth, other)
    assert torch.equal(a[:, 1:], b[:, 1:])
    assert (a[:, 0] - b[:, 0]).abs().mean() > 0.05
    for x, y in zip(a[:, 0], b[:, 0], strict=True):
        assert x.mean().item() == pytest.approx(y.mean().item(), abs=1e-3)
        assert x.std().item() == pytest.approx(y.std().item(), rel=1e-2)
    assert truth.shape[1] == 3 and truth.dtype == torch.uint8
    assert set(truth[:, NODE].unique().tolist()) <= {0, 1, IGNORE}


def test_textures_become_stronger(gathered):
    image, _ = _batches(gathered, PriorWay(gin_ipa=False))(0)
    change = [(textured(image, epoch, 0, 5)[:, 0] - image[:, 0]).abs().mean().item() for epoch in (0, 500, 1000)]
    assert change[0] < change[1] < change[2]


def test_what_several_devices_are_sent_can_be_sent(gathered):
    batches = _batches(gathered, PriorWay())
    semi = SemiBatches(batches, replace(batches, way=replace(batches.way, gin_ipa=False)))
    loss = SemiLoss(PriorWay().loss, "v2", After(), (3.0, 3.0, 3.0))
    again, same, _ = (pickle.loads(pickle.dumps(one)) for one in (semi, loss, Validate(gathered.material)))
    assert same == loss
    given, target = again(3)
    assert set(given) == {"image", "weak", "strong"} and set(target) == {"truth", "known", "done"}
    assert torch.equal(given["weak"], semi(3)[0]["weak"])
    assert torch.equal(given["weak"][:, 1:], given["strong"][:, 1:])
    assert not torch.equal(given["weak"][:, 0], given["strong"][:, 0])
    assert target["done"].item() == pytest.approx(0.03)


def test_few_scans_are_in_use_at_a_time(gathered):
    batches = _batches(gathered, PriorWay(), smart=SmartCache(kept=4), count=2000)
    used = [{case.name for case in batches.patches(n).cases} for n in range(12)]
    assert all(len(one) == 4 for one in used)
    assert set().union(*used) == {case.name for case in gathered.material.training}


def test_a_model_is_made_that_predicts(chests, trained, monkeypatch):
    model = load_bundle(trained).model
    assert model.recipe == "atlas_prior"
    assert model.steps["nodes"].outputs == ("background", "node")
    assert "12 labelled scans of 12 patients, 4 of them annotated in part" in model.trained_on
    assert "--channels prior --steps 3 --size tiny" in model.command
    assert set(model.metrics) == {"nodes_dice", "nodes_dice_post_processed"}
    assert model.steps["nodes"].threshold in (0.2, 0.3, 0.5)
    monkeypatch.setattr("nodewise.anatomy.read.read_anatomy", PLAIN.read)
    pipeline = load_pipeline(trained, "cpu", runtime="torch")
    study = read_study(chests / "images" / "case-00.nii.gz")
    anatomy = pipeline.complete(pipeline.read_anatomy(study))
    peak = np.unravel_index(int(anatomy.prior.array.argmax()), anatomy.prior.array.shape)
    near = [np.linalg.norm(anatomy.prior.grid.to_lps(peak) - GRID.to_lps(seat)) for seat in SEATS]
    assert min(near) < 8
    scores = pipeline.segment(study, anatomy)
    assert 0 <= scores.array.min() <= scores.array.max() <= 1
    assessment = assess(study, pipeline)
    assert assessment.provenance.weights_sha256 == model.weights_sha256


def test_the_prior_is_laid_on_landmarks_that_someone_corrected_too(chests, trained, monkeypatch):
    read = []

    def corrected(study, _organs=None, points=None):
        read.append(points)
        anatomy = PLAIN.read(study)
        carina = replace(anatomy.landmarks["carina"], lps_mm=points["carina"])
        return replace(anatomy, landmarks={"carina": carina})

    monkeypatch.setattr("nodewise.anatomy.read.read_anatomy", corrected)
    own = load_pipeline(trained, "cpu", runtime="torch")
    study = read_study(chests / "images" / "case-00.nii.gz")
    x, y, z = PLAIN.read(study).landmarks["carina"].lps_mm
    priors = []
    for moved in (0.0, 9.0):
        pipeline = with_given(own, points={"carina": (x, y, z + moved)})
        assessment = assess(study, pipeline)
        assert assessment.provenance.settings["given"] == "landmarks"
        assert not any("no place is likelier" in line for line in assessment.anatomy.warnings)
        prior = assessment.anatomy.prior
        priors.append(np.average(prior.grid.to_lps(np.argwhere(prior.array > 0.1))[:, 2]))
    assert priors[1] - priors[0] > 1.5
    assert read[-1]["carina"][2] == z + 9.0


def test_the_atlas_travels_and_no_patients_own_nodes_are_in_his_prior(chests, trained, tmp_path):
    atlas = load_atlas(trained / "atlas.npz")
    assert atlas.patients == 11  # the twelfth is validated on
    copied = copy_model(load_bundle(trained), tmp_path / "copy")
    assert (copied.folder / "atlas.npz").read_bytes() == (trained / "atlas.npz").read_bytes()
    (copied.folder / "atlas.npz").write_bytes(b"another")
    with pytest.raises(BadInputError, match=r"atlas.npz is damaged or was changed"):
        load_bundle(copied.folder)
    (copied.folder / "atlas.npz").unlink()
    with pytest.raises(BadInputError, match=r"not whole: atlas.npz is missing"):
        load_bundle(copied.folder)


def test_the_same_command_goes_on_and_ends_the_same(chests, trained, tmp_path):
    shutil.copytree(trained.parent / "cache", tmp_path / "cache")
    train(tmp_path, replace(TINY, steps=2), chests, reader=PLAIN)
    train(tmp_path, TINY, chests, reader=PLAIN)
    told = (tmp_path / "fit" / "log.csv").read_text().splitlines()
    assert len(told) == 1 + 3
    with pytest.raises(BadInputError, match="was begun with method"):
        train(tmp_path, replace(TINY, way=ROWS["+ GIN, IPA"]), chests, reader=PLAIN)


@pytest.mark.parametrize(("channels", "count"), [("ct", 1), ("labels", 7)])
def test_other_channels(chests, trained, tmp_path, channels, count):
    shutil.copytree(trained.parent / "cache", tmp_path / "cache")
    (model,) = train(tmp_path, replace(TINY, steps=1, way=PriorWay(channels=channels)), chests, reader=PLAIN)
    made = load_bundle(model).model
    assert made.steps["nodes"].plan.in_channels == count
    assert load_pipeline(model, "cpu", runtime="torch").threshold == made.steps["nodes"].threshold


def test_models_of_two_losses_are_one_ensemble(chests, trained, tmp_path):
    shutil.copytree(trained.parent / "cache", tmp_path / "cache")
    unweighted = replace(TINY, way=ROWS["+ GIN, IPA"], seed=0, steps=2)
    (other,) = train(tmp_path, unweighted, chests, reader=PLAIN)
    joined = join_models([load_bundle(trained), load_bundle(other)], tmp_path / "both")
    assert len(joined.model.steps["nodes"].weights) == 2
    assert load_pipeline(joined.folder, "cpu", runtime="torch").name == joined.name


@pytest.mark.parametrize("variant", ["v1", "v2"])
def test_semi_supervised_training_goes_on_from_the_best_weights(chests, trained, tmp_path, variant):
    shutil.copytree(trained.parent, tmp_path / "run")
    (model,) = train(tmp_path / "run", replace(TINY, semi=variant), chests, reader=PLAIN)
    assert (tmp_path / "run" / f"fit-{variant}" / "log.csv").exists()
    made = load_bundle(model)
    assert made.model.command.endswith(f"--semi {variant}")
    before, after = load_bundle(trained).networks("nodes")[0], made.networks("nodes")[0]
    moved = [(a - b).abs().max().item() for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    assert 0 < max(moved) < 0.5


def _taught():
    """A teacher that is sure of one node, and half sure of another where nodes are likely."""
    probability, known = np.full((1, 24, 24, 24), 0.02, np.float32), np.zeros((1, 3, 24, 24, 24), np.uint8)
    probability[0, 4:9, 4:9, 4:9], probability[0, 14:19, 14:19, 14:19] = 0.99, 0.4
    known[0, PRIOR, 12:] = 254
    known[0, INSIDE] = 1
    known[0, NODE, :2] = IGNORE
    p = torch.from_numpy(probability)
    return torch.stack((torch.log(1 - p), torch.log(p)), dim=1), torch.from_numpy(known)


def test_pseudo_labels_of_both_variants():
    taught, known = _taught()
    first = SemiLoss(PriorWay().loss, "v1", After(), (1.0, 1.0, 1.0)).labels(taught, known, 0.0)
    assert (first[0, 14:19, 14:19, 14:19] == IGNORE).all()  # the least sure
    assert (first[0, :2] == IGNORE).all()
    after = SemiLoss(PriorWay().loss, "v2", After(diameter_mm=3.0), (1.0, 1.0, 1.0)).labels(taught, known, 0.0)
    assert (after[0, 14:19, 14:19, 14:19] == 1).all()  # 0.4 is more than a quarter
    assert (after == 1).sum() == 2 * 125
    assert (after[0, :2] == IGNORE).all()
    large = post_processed(taught, known, After(diameter_mm=7.0), (1.0, 1.0, 1.0))
    assert large.sum() == 0


def test_folds_are_nnunets(tmp_path):
    from pathlib import Path

    from sklearn.model_selection import KFold

    from nodewise.datasets.case import LabelledCase

    names = [f"case-{n:02d}" for n in range(23)]
    cases = [LabelledCase(name, name, Path(name), Path(name)) for name in reversed(names)]
    wanted = [[names[i] for i in held] for _, held in KFold(5, shuffle=True, random_state=12345).split(names)]
    assert [[case.name for case in fold.held_out] for fold in paper_folds(cases)] == wanted
    twins = [replace(case, patient=case.name[:-1]) for case in cases]
    for fold in paper_folds(twins, 3):
        assert not {c.patient for c in fold.training} & {c.patient for c in fold.held_out}


def test_one_fold(chests, trained, tmp_path):
    shutil.copytree(trained.parent / "cache", tmp_path / "cache")
    (model,) = train(tmp_path, replace(TINY, steps=1), chests, fold=1, reader=PLAIN)
    assert model == tmp_path / "fold-01" / "model"
    held = (tmp_path / "fold-01" / "held_out.txt").read_text().split()
    assert held == [case.name for case in paper_folds(read_dataset(chests).cases)[1].held_out]
    assert load_bundle(model).model.command.endswith("--fold 1")
    with pytest.raises(BadInputError, match="there is no fold 5"):
        train(tmp_path, TINY, chests, fold=5, reader=PLAIN)


def test_anatomy_is_kept_as_it_was_read(chests, tmp_path):
    anatomy = by_hand(read_study(chests / "images" / "case-00.nii.gz"))
    save_anatomy(anatomy, tmp_path / "a.npz")
    again = load_anatomy(tmp_path / "a.npz")
    assert again.landmarks == dict(anatomy.landmarks)
    assert again.organ_names == anatomy.organ_names
    for name in ("organs", "prior", "distance"):
        one, other = getattr(anatomy, name), getattr(again, name)
        assert np.array_equal(one.array, other.array) and one.grid.same_as(other.grid)
        assert one.quantity is other.quantity
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (b"x", whole[: len(whole) // 2]):
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(BadInputError, match="is damaged"):
            load_anatomy(tmp_path / "a.npz")


def test_nothing_to_learn_from_is_refused(tmp_path):
    from nodewise.io.itk import write_nifti
    from nodewise.values.volume import Quantity, Volume

    (folder := tmp_path / "data").mkdir()
    chest(folder, 0)
    none = Volume(np.zeros(GRID.shape, np.uint8, order="F"), GRID, Quantity.LABEL)
    write_nifti(none, folder / "labels" / "case-00.nii.gz")
    with pytest.raises(BadInputError, match="nothing to learn from"):
        train(tmp_path / "out", TINY, folder, reader=PLAIN)


def test_a_model_of_another_recipe_is_not_taken_for_one(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "other")
    told = json.loads((folder / "model.json").read_text())
    told["recipe"] = "three_step"
    (folder / "model.json").write_text(json.dumps(told))
    with pytest.raises(BadInputError, match="does not prepare scans as a prior"):
        load_pipeline(folder, "cpu")
