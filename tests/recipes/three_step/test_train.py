import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import nodewise.learn.fit as fit_module
from nodewise.io.folder import read_study
from nodewise.io.itk import write_nifti
from nodewise.learn.network import NetworkPlan
from nodewise.models.bundle import load_bundle
from nodewise.models.calibration import Isotonic
from nodewise.models.model_file import LONGEST_LINE, Source, shortened
from nodewise.models.preparation import Preparation
from nodewise.recipes.load import load_pipeline
from nodewise.recipes.three_step import malignancy, nodes_paper, stations_paper, train, train_labelled
from nodewise.recipes.three_step import stations as stations_step
from nodewise.recipes.three_step.effort import Backgrounds, Effort
from nodewise.recipes.three_step.labelled import example_of, node_cases, region_around
from nodewise.recipes.three_step.malignancy import PAPER as LONG
from nodewise.recipes.three_step.malignancy import Rule, train_malignancy
from nodewise.recipes.three_step.nodes import PAPER
from nodewise.recipes.three_step.save import _metrics
from nodewise.story import assess
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 36, 32), (3.0, 3.0, 3.0), (-58.5, -52.5, -46.5))
PATCH = (32, 32, 24)
OTHERS = (Station.S1R, *stations_step.PAPER_STATIONS[:-1])  # as many as the paper's


def _case(folder, number):
    """Fat with a ball on either side of the midline, each in its station 4."""
    rng = np.random.default_rng(number)
    hu = np.full(GRID.shape, -100, np.float32) + 8 * rng.standard_normal(GRID.shape).astype(np.float32)
    x, y, z = np.ogrid[:40, :36, :32]
    hu[:, 32:] = -1000
    nodes, stations = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.uint8)
    stations[6:20, 8:28, 6:26], stations[20:34, 8:28, 6:26] = Station("4R").label, Station("4L").label
    for label, middle in ((1, (13, 17)), (2, (27, 17))):
        a, b, c = np.array((*middle, 15)) + rng.uniform(-2, 2, 3)
        ball = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < 9
        nodes[ball], hu[ball] = label, 60
    for kind, array, quantity in (
        ("images", hu, Quantity.HU),
        ("labels", nodes, Quantity.LABEL),
        ("stations", stations, Quantity.LABEL),
    ):
        (folder / kind).mkdir(exist_ok=True)
        write_nifti(Volume(np.asfortranarray(array), GRID, quantity), folder / kind / f"case-{number}.nii.gz")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for number in range(3):
        _case(folder, number)
    lines = ["name,4R,4L", "case-0,benign,malignant", "case-1,benign,n/a", "case-2,malignant,benign"]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """The paper's way in networks and voxels that a processor sees through in no time."""
    small = Preparation((3.0, 3.0, 3.0), ((-160.0, 240.0),), least_voxels=(32, 32, 1))
    plan = NetworkPlan(1, (1,), channels=(4, 8, 8), blocks=(1, 1, 1), norm="batch", slope=0.0)
    way = replace(PAPER, preparation=small, patch=PATCH, plan=plan, learning_rate=1e-2)
    for module in (nodes_paper, train_labelled):
        monkeypatch.setattr(module, "PAPER", way)
    monkeypatch.setattr(stations_paper, "PATCH", PATCH)
    monkeypatch.setattr(stations_paper, "PAPER_CHANNELS", (4, 8, 8))
    monkeypatch.setattr(stations_step, "PAPER_PREPARATION", replace(small, least_voxels=PATCH))
    return way


def test_all_three_steps_are_learned_from_labelled_scans(data, tiny, tmp_path):
    told = []
    effort = Effort(scale=1e-4, station_mm=3.0)
    (folder,) = train(tmp_path, effort, data=data, progress=lambda *what: told.append(what))
    model = load_bundle(folder).model
    assert list(model.steps) == ["stations", "nodes", "malignancy"]
    assert [step.steps for step in model.steps.values()] == [3, 7, 4]
    assert model.steps["stations"].outputs[1:] == tuple(s.code for s in stations_step.PAPER_STATIONS)
    assert "3 labelled scans of 3 patients" in model.trained_on
    assert model.steps["stations"].preparation.build().spacing_mm == (3.0, 3.0, 3.0)
    assert model.command.endswith("--station-spacing 3")
    logs = sorted(path.parts[-3] for path in tmp_path.glob("*/fit/log.csv"))
    assert logs == ["malignancy", "nodes", "stations"]
    assert {name for name, _, _ in told} == {"preparing scans", "stations", "nodes", "malignancy"}
    assert all(done <= total for _, done, total in told)
    assessment = assess(read_study(data / "images" / "case-0.nii.gz"), load_pipeline(folder, "cpu"))
    assert assessment.provenance.weights_sha256 == model.weights_sha256


def test_a_rule_that_was_asked_for_is_learned_by_and_in_the_command(data, tiny, tmp_path, monkeypatch):
    seen = []

    def learn(*args, schedule, **more):
        seen.append(schedule.rule)
        return train_malignancy(*args, schedule=schedule, **more)

    monkeypatch.setattr(train_labelled, "train_malignancy", learn)
    models = [train(tmp_path / str(r), Effort(1e-5, rule=r), data=data)[0] for r in (None, Rule.ANY)]
    assert seen == [Rule.PAPER, Rule.ANY]
    said = [load_bundle(path).model.command for path in models]
    assert ["--malignancy-rule any" in command for command in said] == [False, True]


def test_stations_and_the_curve_are_those_that_were_asked_for(data, tiny, tmp_path):
    effort = Effort(1e-5, stations=(Station.S4R, Station.S4L), calibration="isotonic")
    (folder,) = train(tmp_path, effort, data=data)
    model = load_bundle(folder).model
    assert model.steps["stations"].outputs == ("mediastinum", "4R", "4L")
    assert isinstance(model.steps["malignancy"].calibration.build(), Isotonic)
    assert model.command.endswith("--calibration isotonic --stations 4R,4L")
    assert (tmp_path / "malignancy/reliability.png").exists()
    load_pipeline(folder, "cpu")


def test_workers_and_devices_reach_all_three_steps(data, tiny, tmp_path, monkeypatch):
    plans, really = [], fit_module._train

    def seen(job, *more):
        plans.append(job.plan)
        really(job, *more)

    monkeypatch.setattr(fit_module, "_train", seen)
    train(tmp_path, Effort(1e-5, workers=0), data=data)
    assert [plan.workers for plan in plans] == [0, 0, 0]
    run = Effort(device="cpu", devices=3, workers=2).run(tmp_path, 10)
    for plan in (stations_step.paper_fit_plan(run), stations_step._fit_plan(run, ()), malignancy._fit_plan(LONG, run)):
        assert (plan.devices, plan.workers) == (3, 2)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Effort(1e-5, rule=Rule.ANY), "malignancy/fit/last.pt was begun with method rule paper, .* not rule any"),
        (
            Effort(1e-5, stations=OTHERS),
            "stations/fit/last.pt was begun with method .* stations 2R .* 10L, not .* 1R 2R",
        ),
        (Effort(1e-5, station_mm=2.0), "stations/fit/last.pt was begun with method voxels of 1 × .* not voxels of 2 ×"),
    ],
)
def test_a_folder_of_another_rule_or_other_voxels_is_refused(data, tiny, tmp_path, other, words):
    train(tmp_path, Effort(1e-5), data=data)
    with pytest.raises(BadInputError, match=words):
        train(tmp_path, other, data=data)


def test_one_patient_is_left_out_at_a_time(data, tiny, tmp_path):
    models = train(tmp_path, Effort(scale=1e-5), data=data, fold="loo")
    assert [path.parent.name for path in models] == ["fold-00", "fold-01", "fold-02"]
    left_out = [(path.parent / "held_out.txt").read_text() for path in models]
    (models[1].parent / "held_out.txt").write_text("case-0\n")
    with pytest.raises(BadInputError, match="was begun with another division"):
        train(tmp_path, Effort(scale=1e-5), data=data, fold="loo")
    assert left_out == ["case-0\n", "case-1\n", "case-2\n"]
    assert len(list((tmp_path / "cache").iterdir())) == 2 * 3  # stations and nodes of each, once for all folds
    made = [load_bundle(path).model for path in models]
    assert [model.command[-10:] for model in made] == ["--fold loo"] * 3
    assert [model.name for model in made] == [f"three-step-{data.name}-fold-0{n}" for n in range(3)]


def test_a_case_is_cut_to_its_stations_and_keeps_its_nodes(data, tiny, tmp_path):
    from nodewise.datasets.read import read_dataset

    cases = read_dataset(data).cases
    prepared = node_cases(cases, tiny.preparation, tmp_path, processes=0)
    example = example_of(prepared[0])
    assert example.hu.shape == example.node.shape
    inside = example.hu[example.node == 1]
    assert np.median(inside) == pytest.approx(60, abs=8)
    assert (example.node == 1).sum() * 27 == pytest.approx(2 * 4 / 3 * np.pi * 9**3, rel=0.15)
    assert example.hu.shape[2] < GRID.shape[2] + 1


def test_what_is_continued_beyond_the_crop_is_no_node(data, tiny, tmp_path):
    from nodewise.datasets.read import read_dataset

    wide = replace(tiny.preparation, margin_mm=0.0, least_voxels=(60, 60, 1))
    (folder := tmp_path / "one").mkdir()
    _case(folder, 7)
    stations = np.zeros(GRID.shape, np.uint8, order="F")
    stations[17:23, 8:28, 6:26] = Station("7").label  # the balls lie beside it
    write_nifti(Volume(stations, GRID, Quantity.LABEL), folder / "stations" / "case-7.nii.gz")
    example = example_of(node_cases(read_dataset(folder).cases, wide, tmp_path / "cache", processes=0)[0])
    assert example.node[example.hu <= -160].sum() == 0


def test_a_label_that_means_something_else_is_prepared_anew(data, tiny, tmp_path):
    from nodewise.datasets.read import read_dataset

    (case, *_) = read_dataset(data).cases
    all_of_them, one = (
        example_of(node_cases([meant], tiny.preparation, tmp_path, processes=0)[0]).node
        for meant in (case, replace(case, node_label=1))
    )
    assert 0 < (one == 1).sum() < (all_of_them == 1).sum()


def test_patients_to_validate_on_who_do_not_suffice(data, tiny, tmp_path, monkeypatch):
    """One whose nodes were all resected: neither step two nor step three can be validated on it."""
    (folder := tmp_path / "one (1), more").mkdir()
    for number in range(8):
        _case(folder, number)
    path = folder / "labels" / "case-3.nii.gz"
    write_nifti(Volume(np.zeros(GRID.shape, np.uint8, order="F"), GRID, Quantity.LABEL), path)
    lines = ["name,4R,4L", *(f"case-{n},{'malignant' if n % 2 else 'benign'},benign" for n in range(8))]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(train_labelled, "_divided", _only_third)
    (model,) = train(tmp_path / "out", Effort(scale=1e-5), data=folder)
    made = load_bundle(model).model
    assert made.name == "three-step-one -1-- more"
    assert list(made.steps) == ["stations", "nodes", "malignancy"]
    assert made.operating_point.threshold == 0.5
    assert made.operating_point.chosen_on == ""
    assert {name.split("_")[0] for name in made.metrics} == {"stations"}
    assert "calibrated on the same patients" in made.trained_on


def _only_third(cases, _seed):
    return tuple(c for c in cases if c.name != "case-3"), tuple(c for c in cases if c.name == "case-3")


def test_a_long_command_does_not_cost_the_model():
    assert shortened("as it is") == "as it is"
    assert len(shortened("--background a " * 500)) == LONGEST_LINE


def test_a_figure_that_is_not_defined_does_not_cost_the_model():
    kept = _metrics("nodes", {"recall": float("nan"), "false_positives_a_patch": 0.5}, "two patches")
    assert {name: metric.value for name, metric in kept.items()} == {"nodes_false_positives_a_patch": 0.5}


def test_the_box_around_a_map():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[4:9, 10, 3:5] = 7
    region = region_around(Volume(np.asfortranarray(labels), GRID, Quantity.LABEL), 2.0)
    low, high = GRID.to_lps((4, 10, 3)) - 2, GRID.to_lps((8, 10, 4)) + 2
    assert np.allclose(region.low_mm, low)
    assert np.allclose(region.high_mm, high)


def test_what_cannot_be_learned_from_is_refused(data, tiny, tmp_path):
    with pytest.raises(BadInputError, match="folds are of labelled scans"):
        train(tmp_path, Effort(), fold=1)
    with pytest.raises(BadInputError, match="there is no fold 7"):
        train(tmp_path, Effort(), data=data, fold=7)
    with pytest.raises(BadInputError, match="leave out the scans, reviews and credits, or the data"):
        train(tmp_path, Effort(), data=data, scans=Backgrounds(training=(data,)))
    with pytest.raises(BadInputError, match="both to train on and to validate on"):
        train(tmp_path, Effort(), scans=Backgrounds(training=(data,), held_out=(data / ".." / data.name,)))
    empty = tmp_path / "empty"
    for kind in ("images", "labels", "stations"):
        (empty / kind).mkdir(parents=True)
        for path in (data / kind).iterdir():
            (empty / kind / path.name).write_bytes(path.read_bytes())
    for path in (empty / "labels").iterdir():
        write_nifti(Volume(np.zeros(GRID.shape, np.uint8, order="F"), GRID, Quantity.LABEL), path)
    with pytest.raises(BadInputError, match="nothing to learn from"):
        train(tmp_path / "out", Effort(scale=1e-5), data=empty)
    shutil.rmtree(empty / "stations")
    with pytest.raises(BadInputError, match=r"no station maps .* leave out --stations"):
        train(tmp_path / "out", Effort(stations=OTHERS), data=empty)
    with pytest.raises(BadInputError, match=r"no histology .* leave out --malignancy-rule"):
        train(tmp_path / "out", Effort(rule=Rule.ANY), data=empty)


def test_what_would_stop_it_late_stops_it_early(data, tmp_path):
    text = tmp_path / "scan.nii.gz"
    text.write_text("no scan")
    reviews = tmp_path / "reviewed.json"
    reviews.write_text('{"schema_version": "1.0", "by": "a test", "scans": []}')
    for effort, more, words in (
        (Effort(device="cuda:99"), {}, "no device cuda:99"),
        (Effort(device="cuda", devices=99), {}, "cuda"),
        (Effort(), {"data": data, "fold": 0}, "has 3 patients, of whom no fifth"),
        (Effort(), {"scans": Backgrounds(held_out=(text,))}, "scan.nii.gz"),
        (Effort(), {"data": data, "scans": Backgrounds(credits=(Source(name="a", licence="b"),))}, "leave out"),
        (Effort(), {"data": data, "scans": Backgrounds(reviews=reviews)}, "leave out"),
        (Effort(), {"scans": Backgrounds(reviews=reviews)}, "none of the scans given"),
        (Effort(station_mm=2.0), {}, "for labelled scans"),
        (Effort(stations=OTHERS), {}, "for labelled scans"),
    ):
        with pytest.raises(BadInputError, match=words):
            train(tmp_path / "out", effort, **more)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_as_output_is_refused(data, tmp_path, labelled):
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(BadInputError, match="cannot be made a folder"):
        train(out, Effort(), data=data if labelled else None)
    assert out.read_text() == "mine"


def test_a_folder_of_any_name_gives_a_model(data, tiny, tmp_path):
    folder = tmp_path / "ours (2023)"
    folder.symlink_to(shutil.copytree(data, tmp_path / "real (2023), old"))
    (model,) = train(tmp_path / "out", Effort(scale=1e-5), data=folder)
    assert load_bundle(model).name == "three-step-real -2023-- old"


def test_one_fold_of_five_patients(tiny, tmp_path):
    (folder := tmp_path / "data").mkdir()
    for number in range(5):
        _case(folder, number)
    lines = ["name,4R,4L", *(f"case-{number},benign,malignant" for number in range(5))]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    (model,) = train(tmp_path / "out", Effort(scale=1e-5), data=folder, fold=0)
    assert model == tmp_path / "out" / "fold-00" / "model"
    (left_out,) = (model.parent / "held_out.txt").read_text().split()
    assert left_out in {f"case-{number}" for number in range(5)}
    made = load_bundle(model).model
    assert list(made.steps) == ["stations", "nodes", "malignancy"]
    assert "4 labelled scans of 4 patients" in made.trained_on
    assert made.command.endswith("--fold 0")
    assert load_pipeline(model, "cpu").name == made.name == "three-step-data-fold-00"
    with pytest.raises(BadInputError, match="there is no fold 5"):
        train(tmp_path / "out", Effort(scale=1e-5), data=folder, fold=5)


def test_nnunet_raw_data_give_a_model_without_the_steps_that_they_do_not_allow(data, tiny, tmp_path):
    raw = tmp_path / "Dataset007_Nodes"
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True)
    for number in range(3):
        name = f"case-{number}"
        shutil.copy(data / "images" / f"{name}.nii.gz", raw / "imagesTr" / f"{name}_0000.nii.gz")
        shutil.copy(data / "labels" / f"{name}.nii.gz", raw / "labelsTr")
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "lymph_node": 1, "vessel": 2}}
    (raw / "dataset.json").write_text(json.dumps(told))
    (model,) = train(tmp_path / "out", Effort(scale=1e-5), data=raw)
    made = load_bundle(model).model
    assert made.name == "three-step-Dataset007_Nodes"
    assert list(made.steps) == ["nodes"]
    assert "3 labelled scans of 3 patients" in made.trained_on
    assessment = assess(read_study(data / "images" / "case-0.nii.gz"), load_pipeline(model, "cpu"))
    assert assessment.provenance.weights_sha256 == made.weights_sha256
