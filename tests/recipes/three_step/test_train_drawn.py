"""Trained without labelled scans: all three steps on one drawn chest, in networks that a processor sees through."""

from dataclasses import replace

import numpy as np
import pytest

from nodewise.learn.network import NetworkPlan
from nodewise.models.bundle import load_bundle
from nodewise.models.preparation import Preparation
from nodewise.phantom.geometry import Tissue
from nodewise.recipes.load import load_pipeline
from nodewise.recipes.three_step import malignancy, malignancy_drawn, nodes_phantom, stations, train, train_drawn
from nodewise.recipes.three_step.chest_bank import draw_chest, load_chest
from nodewise.recipes.three_step.effort import Effort
from nodewise.recipes.three_step.malignancy import BUNDLED
from nodewise.recipes.three_step.node_bank import CUBE, DrawnCase, _save
from nodewise.recipes.three_step.nodes import PHANTOM
from nodewise.values.station import Side, Station

MM, PATCH = 5.0, (16, 16, 16)


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    path = tmp_path_factory.mktemp("chest") / "1.npz"
    draw_chest(path, 30_000_001, MM)
    return load_chest(path)


def _patients(folder, count, _seed, *, progress):
    """A bank of patients with three balls for nodes, each with a body of its own."""
    folder.mkdir(parents=True)
    far = np.linalg.norm(np.indices((CUBE,) * 3) - (CUBE - 1) / 2, axis=0)
    ball = np.stack([far < 6] * 3)
    tissue = np.where(ball, Tissue.MUSCLE, Tissue.FAT).astype(np.uint8)
    empty, where = np.zeros_like(tissue), (Station.S4R, Station.S4R, Station.S7)
    paths = [folder / f"{number}-0.npz" for number in range(count)]
    for number, path in enumerate(paths):
        histology = {"4R": number % 2 == 0, "7": False}
        verdicts, sizes = np.zeros(3, bool), np.full(3, 12.0)
        full = np.full_like(tissue, 255)
        _save(DrawnCase(tissue, empty, full, ball.astype(np.uint8), where, verdicts, sizes, histology, Side.LEFT), path)
        progress(number + 1)
    return paths


@pytest.fixture
def tiny(monkeypatch, chest):
    seen = Preparation((MM,) * 3, PHANTOM.preparation.windows)
    plan = NetworkPlan(2, (1,), channels=(4, 8), blocks=(1, 1), fold=(2, 2, 2), auxiliary=12, norm="batch")
    way = replace(PHANTOM, preparation=seen, patch=PATCH, plan=plan)
    for module in (train_drawn, nodes_phantom):
        monkeypatch.setattr(module, "PHANTOM", way)
    for module, name, value in (
        (train_drawn, "HELD_OUT_PATCHES", 8),
        (train_drawn, "phantom_bank", lambda _folder, count, *_, **_more: [chest.geometry] * count),
        (stations, "chest_bank", lambda _folder, count, *_, **_more: [chest] * count),
        (stations, "PREPARATION", Preparation((8.0, 8.0, 8.0), stations.PREPARATION.windows, 0.0)),
        (stations, "PATCH", (24, 24, 32)),
        (stations, "CHANNELS", (4, 8)),
        (stations, "BLOCKS", (1, 1)),
        (stations, "HELD_OUT_PATCHES", 1),
        (malignancy, "CHANNELS", (4, 8)),
        (malignancy, "BLOCKS", (1, 1)),
        (malignancy_drawn, "BUNDLED", replace(BUNDLED, cases=2)),
        (malignancy_drawn, "PATIENTS", 3),
        (malignancy_drawn, "HELD_OUT", 3),
        (malignancy_drawn, "node_bank", _patients),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.slow
def test_all_three_steps_are_learned_from_drawn_chests(tiny, tmp_path):
    told = []
    effort = Effort(scale=5e-5, phantoms=2, device="cpu")
    (folder,) = train(tmp_path, effort, progress=lambda *what: told.append(what))
    model = load_bundle(folder).model
    assert list(model.steps) == ["stations", "nodes", "malignancy"]
    assert [step.steps for step in model.steps.values()] == [2, 4, 2]
    assert len(model.steps["stations"].outputs) == 1 + len(stations.TRAINED)
    assert model.command == "nodewise train three_step --scale 5e-05 --phantoms 2 --seed 0"
    assert {name.split("_")[0] for name in model.metrics} == {"stations", "nodes", "malignancy"}
    assert (tmp_path / "malignancy/reliability.png").exists()
    assert {name for name, _, _ in told} == {"stations", "nodes", "drawing nodes", "malignancy"}
    assert all(done <= total for _, done, total in told)
    assert load_pipeline(folder, "cpu").name == "three-step-phantom"
