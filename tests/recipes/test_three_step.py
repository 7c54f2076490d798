import json

import numpy as np
import pytest
import torch

from nodewise.models.first_bundle import load_bundle
from nodewise.recipes import bank, three_step
from nodewise.recipes.load import load_pipeline
from nodewise.recipes.three_step import Material, batch, class_weights, node_loss, train_on
from nodewise.recipes.validation import validate
from nodewise.values.errors import BadInputError

PATCH = (32, 32, 24)
CLASSES = ("other", "node", "vessel")


class Balls:
    """Fat with bright balls, which are nodes."""

    def draw(self, rng):
        hu = np.full(PATCH, -100, np.float32)
        x, y, z = np.ogrid[:32, :32, :24]
        a, b, c = rng.uniform(5, 19, 3)
        ball = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < rng.uniform(2, 6) ** 2
        hu[ball] = 60
        return hu + 10 * rng.standard_normal(PATCH, dtype=np.float32), ball.astype(np.uint8)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(three_step, "PATCH", PATCH)
    monkeypatch.setattr(three_step, "CHANNELS", (4, 8, 8, 8))


def _train(out, steps=40):
    return train_on(Material(Balls(), Balls(), CLASSES, "balls"), out, steps=steps, seed=0, device="cpu")


def test_training_writes_a_model_that_finds_what_it_was_shown(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(three_step, "LEARNING_RATE", 1e-2)
    folder = _train(tmp_path, steps=60)
    bundle = load_bundle(folder)
    assert bundle.model.metrics["node_dice"] > 0.8
    assert bundle.model.patch == PATCH
    assert "Research use only" in bundle.card
    assert str(bundle.model.metrics["node_dice"]) in bundle.card
    examples = [Balls().draw(np.random.default_rng((9, i))) for i in range(4)]
    again, _ = validate(bundle.network(), examples, bundle.preparation, 1)
    assert again["node_dice"] > 0.75
    assert again["recall"] == 1


def test_the_same_seed_gives_the_same_model_even_after_a_stop(tmp_path, tiny):
    class Stop(Exception):
        pass

    def stop(step):
        if step == 25:
            raise Stop

    whole = _train(tmp_path / "a")
    with pytest.raises(Stop):
        train_on(
            Material(Balls(), Balls(), CLASSES, "balls"), tmp_path / "b", steps=40, seed=0, device="cpu", progress=stop
        )
    resumed = _train(tmp_path / "b")
    assert load_bundle(whole).model == load_bundle(resumed).model  # weights' SHA-256 included


def test_a_batch_follows_from_seed_and_step_alone(tiny):
    a, b, c = batch(Balls(), 0, 5), batch(Balls(), 0, 5), batch(Balls(), 0, 6)
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0])
    assert a[0].shape == (three_step.BATCH, 2, *PATCH)
    assert 0 <= a[0].min() < a[0].max() <= 1


def test_rare_classes_weigh_more_and_absent_ones_the_most(tiny):
    weights = class_weights(Balls(), 3, seed=0)
    assert weights[0] == 1 < weights[1] <= weights[2] == three_step.LARGEST_CLASS_WEIGHT


def test_missing_a_node_costs_more_than_inventing_one():
    truth = torch.zeros(1, 4, 4, 4, dtype=torch.uint8)
    truth[0, :2] = 1

    def cost(share_found, invented):
        p = torch.zeros(1, 2, 4, 4, 4)
        p[0, 1] = 0.05
        p[0, 1, :2] = share_found
        p[0, 1, 2:] = invented
        p[0, 0] = 1 - p[0, 1]
        return node_loss(torch.ones(2))(p.log(), truth).item()

    assert cost(0.95, 0.05) < cost(0.95, 0.5) < cost(0.5, 0.05)


def test_validation_counts_parts_by_hand():
    class Oracle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(40.0))

        def forward(self, x):
            node = (x[:, 0] - 0.5) * self.scale
            return torch.stack((torch.zeros_like(node), node), dim=1)

    hu, classes = np.full(PATCH, -100, np.float32), np.zeros(PATCH, np.uint8)
    hu[2:5, 2:5, 2:5] = classes[2:5, 2:5, 2:5] = 1  # too dark: missed
    hu[10:14, 10:14, 10:14] = 200
    classes[10:14, 10:14, 10:14] = 1  # found
    hu[2:4, 12:14, 2:4] = 200  # invented
    hu[2:5, 2:5, 2:5] = -100
    measures, threshold = validate(Oracle(), [(hu, classes)], three_step.PREPARATION, 1)
    assert measures["recall"] == 0.5
    assert measures["false_positives"] == 1
    assert measures["node_dice"] == pytest.approx(2 * 64 / (64 + 8 + 64 + 27))
    assert threshold == 0.3


def test_a_pipeline_from_a_folder(tmp_path, tiny):
    folder = _train(tmp_path, steps=2)
    pipeline = load_pipeline(folder, device="cpu")
    model = load_bundle(folder).model
    assert (pipeline.threshold, pipeline.name, pipeline.device) == (model.threshold, "three-step-phantom", "cpu")
    assert pipeline.weights_sha256 == model.weights_sha256
    assert pipeline.trained_on == "balls"


def test_what_is_not_there_is_said_in_one_line(tmp_path, tiny):
    with pytest.raises(BadInputError, match="there is no model nowhere"):
        load_pipeline("nowhere")
    folder = _train(tmp_path, steps=1)
    with pytest.raises(BadInputError, match="no device tpu here"):
        load_pipeline(folder, device="tpu")
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe": "later"}))
    with pytest.raises(BadInputError, match="recipe later"):
        load_pipeline(folder, device="cpu")


def test_the_bank_keeps_what_it_has_and_draws_the_rest(tmp_path):
    told = []
    first = bank.phantom_bank(tmp_path, 1, 7, (6.0, 6.0, 6.0), processes=1, progress=told.append)
    names = [p.name for p in tmp_path.iterdir()]
    assert names == ["10700000.npz"]
    stamp = (tmp_path / names[0]).stat().st_mtime_ns
    both = bank.phantom_bank(tmp_path, 2, 7, (6.0, 6.0, 6.0), processes=1, progress=told.append)
    assert (tmp_path / names[0]).stat().st_mtime_ns == stamp
    assert told == [1, 2]
    assert np.array_equal(first[0].tissue, both[0].tissue)
    assert not np.array_equal(both[0].tissue.shape, both[1].tissue.shape) or (both[0].tissue != both[1].tissue).any()
