import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.recipes.three_step import stations as step
from nodewise.recipes.three_step.chest_bank import DrawnChest
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.stations_held_out import HeldOut
from nodewise.recipes.three_step.stations_patches import IGNORE, OTHER, StationPatches
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station


def test_the_paper_trains_eleven_stations_and_we_all_that_are_drawn():
    assert len(step.PAPER_STATIONS) == 11
    assert set(step.PAPER_STATIONS) < set(step.TRAINED)
    assert len({s.label for s in step.TRAINED}) == 24


def test_the_papers_schedule_is_adam_at_a_constant_rate():
    plan = step.paper_fit_plan(Run(Path(), step.PAPER_STEPS))
    assert (plan.steps, plan.rate(0), plan.rate(29_999)) == (30_000, 3e-3, 3e-3)
    assert type(plan.optimiser).__name__ == "Adam"


def _logits(seed=0):
    return torch.randn((1, 3, 2, 2, 2), generator=torch.Generator().manual_seed(seed))


def test_the_station_counts_inside_the_true_mediastinum_alone():
    classes = torch.tensor([[[[0, 1], [2, OTHER]], [[IGNORE, 0], [1, 2]]]], dtype=torch.uint8)
    loss = step.station_loss(torch.tensor([1.0, 2.0]))
    logits = _logits()
    named = [(0, 0, 1, 1), (0, 1, 0, 2), (1, 1, 0, 1), (1, 1, 1, 2)]
    log_p = logits[0, 1:].log_softmax(dim=0)
    weighted = sum(float(-log_p[k - 1, a, b, c]) * k for a, b, c, k in named) / (1 + 2 + 1 + 2)
    kept = logits[0, 0][classes[0] != IGNORE].numpy().astype(np.float64)
    truth, p = (classes != 0)[classes != IGNORE].numpy(), 1 / (1 + np.exp(-kept))
    odds = (p.size - p.sum()) / p.sum()
    there = -np.where(truth, odds * np.log(p), np.log(1 - p)).mean()
    assert loss(logits, classes).item() == pytest.approx(weighted + there, rel=1e-5)
    other = logits.clone()
    other[0, 1:, 0, 0, 0] += 5  # outside
    other[0, 1:, 0, 1, 1] -= 5  # a station that is not trained
    other[0, :, 1, 0, 0] += 9  # not known
    assert loss(other, classes).item() == pytest.approx(loss(logits, classes).item())


def _chest(seed):
    """Fat with a ball of muscle on the right, which is 4R, and a denser one on the left, which is 4L."""
    rng = np.random.default_rng(seed)
    grid = Grid.of((36, 32, 40), (5.0, 5.0, 5.0))
    x, y, z = np.ogrid[:36, :32, :40]
    stations = np.zeros(grid.shape, np.uint8, order="F")
    tissue = np.full(grid.shape, Tissue.FAT, np.uint8, order="F")
    for station, middle, kind in ((Station.S4R, 13, Tissue.MUSCLE), (Station.S4L, 23, Tissue.BONE)):
        at = rng.uniform(-2, 2, 3) + np.array((middle, 16, 18))
        ball = (x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2 < 20
        stations[ball], tissue[ball] = station.label, kind
    empty = np.zeros(grid.shape, np.uint8, order="F")
    geometry = Geometry(grid, tissue, empty, np.full_like(empty, 255), empty.astype(np.uint16, order="F"))
    return DrawnChest(geometry, stations)


@pytest.fixture
def tiny(monkeypatch):
    from nodewise.models.preparation import Preparation

    chests = [_chest(i) for i in range(4)]
    monkeypatch.setattr(step, "chest_bank", lambda _folder, count, *_, **_more: [chests[i % 4] for i in range(count)])
    monkeypatch.setattr(step, "PREPARATION", Preparation((7.0,) * 3, step.PREPARATION.windows, 0.0))
    monkeypatch.setattr(step, "PATCH", (16, 16, 16))
    monkeypatch.setattr(step, "CHANNELS", (16, 16))
    monkeypatch.setattr(step, "BLOCKS", (1, 1))
    monkeypatch.setattr(step, "HELD_OUT_PATCHES", 4)
    monkeypatch.setattr(step, "LEARNING_RATE", 2e-2)


def _train(out, steps, progress=lambda _done, _total: None, workers=1):
    two = (Station.S4R, Station.S4L)
    return step.train_stations(Run(out, steps, workers=workers), phantoms=2, stations=two, progress=progress)


def test_training_learns_two_stations_and_the_mediastinum(tmp_path, tiny):
    told = []
    trained = _train(tmp_path, 60, lambda done, total: told.append((done, total)))
    assert trained.measures["station_accuracy"] > 0.95
    assert trained.measures["wrong_side"] < 0.05
    assert trained.measures["mediastinum_dice"] > 0.4
    assert trained.plan.heads == (1, 2)
    assert told[-1] == (64, 64)
    events = EventAccumulator(str(tmp_path / "fit/board"), {"images": 0}).Reload()
    (event,) = events.Images("stations")
    assert (event.step, event.width, event.height) == (60, 3 * 16, 16)


class Known(torch.nn.Module):
    """Told station 2 everywhere right of the middle of the picture, nothing left of it."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, windows):
        logits = torch.zeros(len(windows), 3, *windows.shape[2:])
        logits[:, 0], logits[:, 0, 8:], logits[:, 2] = -1, 1, 1
        return logits


def test_the_picture_has_the_stations_colours_told_beside_true(tiny):
    from nodewise.report.levels import colour_of_station

    two = (Station.S4R, Station.S4L)
    hu, classes = np.full((16,) * 3, -160, np.float32), np.zeros((16,) * 3, np.uint8)
    classes[2:6, 3:9, 5] = 1
    picture = HeldOut([(hu, classes)], two, step.PREPARATION, (16,) * 3).pictures(Known())["stations"]
    assert picture.shape == (16, 48, 3)
    right, left = (np.frombuffer(bytes.fromhex(colour_of_station(s)[1:]), np.uint8) / 255 / 2 for s in two)
    assert not picture[:, :24].any()
    np.testing.assert_allclose(picture[:, 24:32], np.broadcast_to(left, (16, 8, 3)), atol=1e-6)
    np.testing.assert_allclose(picture[3:9, 34:38], np.broadcast_to(right, (6, 4, 3)), atol=1e-6)
    assert np.count_nonzero(picture[:, 32:].any(axis=-1)) == 24


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, tiny):
    from nodewise.learn.checkpoint import load_weights

    class Stop(Exception):
        pass

    def stop(done, _total):
        if done == 4 + 6:
            raise Stop

    whole = _train(tmp_path / "whole", 8)
    with pytest.raises(Stop):
        _train(tmp_path / "cut", 8, stop)
    again = _train(tmp_path / "cut", 8, workers=0)
    one, other = load_weights(whole.weights), load_weights(again.weights)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_batches_loss_and_what_was_held_out_are_the_same_in_another_process(tiny):
    two = (Station.S4R, Station.S4L)
    source = StationPatches([_chest(0), _chest(1)], two, (16,) * 3, 7.0)
    held_out = HeldOut([source.draw(np.random.default_rng(0))], two, step.PREPARATION, (16,) * 3)
    here = step.Batches(source, 3), step.station_loss(step.class_weights(source)), held_out
    there = pickle.loads(pickle.dumps(here))
    (a, classes), (b, same) = here[0](5), there[0](5)
    assert torch.equal(a, b) and torch.equal(classes, same)
    logits = torch.randn(1, 3, 16, 16, 16)
    assert torch.equal(here[1](logits, classes), there[1](logits, classes))
    network = torch.nn.Conv3d(2, 3, 1)
    assert here[2].measures(network) == there[2].measures(network)


def test_weights_of_classes_are_the_roots_of_their_shares(tiny):
    chest = _chest(0)
    stations = chest.stations.copy(order="F")
    stations[:] = 0
    stations[:4, :5, :5] = Station.S4R.label  # 100 voxels
    stations[10:11, :5, :5] = Station.S4L.label  # 25
    stations[20:21, :1, :1] = Station.S7.label  # 1
    three = (Station.S4R, Station.S4L, Station.S7)
    source = StationPatches([DrawnChest(chest.geometry, stations)], three, (8,) * 3, 5.0)
    assert step.class_weights(source).tolist() == [1.0, 2.0, step.LARGEST_CLASS_WEIGHT]


def test_a_map_without_a_trained_station_is_refused():
    with pytest.raises(BadInputError, match="no voxel is of a station that is trained"):
        step.weights_of([np.full((2, 2, 2), OTHER, np.uint8)], 3)
