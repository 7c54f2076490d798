import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from nodewise.metrics.roc import auc
from nodewise.models.calibration import Isotonic, Temperature
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.recipes.three_step import malignancy as malignancy_step
from nodewise.recipes.three_step.effort import Run
from nodewise.recipes.three_step.malignancy import (
    BUNDLED,
    PAPER,
    Rule,
    Visits,
    any_loss,
    station_loss,
    train_malignancy,
)
from nodewise.recipes.three_step.node_bank import CUBE
from nodewise.recipes.three_step.node_visits import _resampled, augmented, plain, shown
from nodewise.recipes.three_step.station_cases import Labelled, ScanCase
from nodewise.recipes.three_step.station_examples import BENIGN, MALIGNANT, Examples, examine
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

_AXIS = np.arange(CUBE) - (CUBE - 1) / 2
_FAR = np.sqrt((_AXIS**2)[:, None, None] + (_AXIS**2)[:, None] + _AXIS**2)


@dataclass(frozen=True, eq=False)
class Balls:
    """A patient with balls for nodes, bright where they are malignant."""

    stations: tuple[Station, ...]
    malignant: tuple[bool, ...]
    histology: dict[str, bool]

    def cubes(self, which, seed):
        rng = np.random.default_rng(list(seed))
        out = np.empty((len(which), 2, *(CUBE,) * 3), np.float32)
        for cube, n in zip(out, which, strict=True):
            ball = rng.uniform(3, 7) > _FAR
            cube[0] = np.where(ball, rng.normal(120 if self.malignant[n] else 20, 8), -100)
            cube[1] = ball
        return out


def _patients(count, seed):
    """Nodes in 4R and 7 and one in 10L, which was never resected."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        malignant = [bool(rng.random() < 0.3) for _ in range(4)]
        stations = (Station.S4R, Station.S4R, Station.S7, Station.S10L)
        histology = {"4R": any(malignant[:2]), "7": malignant[2]}
        found.append(Balls(stations, tuple(malignant), histology))
    return found


def test_nodes_of_resected_stations_are_labelled_and_the_others_left_out():
    stations = (Station.S9L, Station.S4R, Station.S11R, Station.S9R, Station.S4L)
    found = Labelled.of(Balls(stations, (False,) * 5, {"4R": True, "9": False, "5": True}))
    assert found.nodes == (0, 1, 3)
    assert found.bags.tolist() == [1, 0, 1]
    assert found.labels.tolist() == [1, 0]


def test_the_papers_rule_teaches_a_malignant_station_only_while_all_its_nodes_are_called_benign():
    bags, labels = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([1, 0, 1])
    logits = torch.tensor([-1.0, -2.0, 0.5, 0.3, -0.7], requires_grad=True)
    station_loss(logits, (bags, labels)).backward()
    benign = 1 / (1 + math.exp(-0.5)) / 5
    expected = [-100 / (1 + math.exp(-1)) / 5, -100 / (1 + math.exp(-2)) / 5, benign, 0, 0]
    np.testing.assert_allclose(logits.grad, expected, rtol=1e-5)
    logits.grad = None
    station_loss(logits, (bags, labels), rule=Rule.LARGEST, positive_weight=10).backward()
    np.testing.assert_allclose(logits.grad, [-10 / (1 + math.exp(-1)) / 5, 0, benign, 0, 0], rtol=1e-5)


def test_any_is_the_likelihood_of_the_stations():
    logits = torch.tensor([-1.0, 0.4, 2.0, -3.0], dtype=torch.float64, requires_grad=True)
    bags, labels = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 0, 0])
    p = [1 / (1 + math.exp(-z)) for z in (-1.0, 0.4, 2.0, -3.0)]
    expected = -(math.log(1 - (1 - p[0]) * (1 - p[1])) + math.log(1 - p[2]) + math.log(1 - p[3])) / 3
    assert float(any_loss(logits.detach(), bags, labels)) == pytest.approx(expected, rel=1e-9)
    assert torch.autograd.gradcheck(lambda z: any_loss(z, bags, labels), logits)
    for far, pull in ((-30.0, -1.0), (-200.0, 0.0), (200.0, 0.0)):
        z = torch.tensor([far], requires_grad=True)
        any_loss(z, torch.tensor([0]), torch.tensor([1])).backward()
        assert float(z.grad) == pytest.approx(pull)


def test_patches_turn_about_the_middle_as_told():
    cube = torch.rand(1, 2, CUBE, CUBE, CUBE)
    turn = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    turned, still = _resampled(cube, 32, turn, np.zeros((1, 3))), plain(cube, 32)
    torch.testing.assert_close(turned[:, 0], torch.rot90(still[:, 0], -1, (1, 2)), atol=1e-4, rtol=0)
    torch.testing.assert_close(still[:, 0], cube[:, 0, 6:38, 6:38, 6:38], atol=1e-4, rtol=0)
    moved = _resampled(cube, 32, np.eye(3)[None], np.array([[2.0, 0, -1]]))
    torch.testing.assert_close(moved[:, 0], cube[:, 0, 8:40, 6:38, 5:37], atol=1e-4, rtol=0)


def test_an_augmented_mask_is_about_the_node():
    (patient,) = _patients(1, 0)
    cubes = torch.from_numpy(patient.cubes(range(4), (0,)))
    patches = augmented(cubes, 32, np.random.default_rng(0))
    again = augmented(cubes, 32, np.random.default_rng(0))
    assert torch.equal(patches, again)
    assert set(patches[:, 1].unique().tolist()) == {0, 1}
    ratio = patches[:, 1].sum(dim=(1, 2, 3)) / cubes[:, 1].sum(dim=(1, 2, 3))
    assert ((ratio > 0.5) & (ratio < 1.7)).all()
    inside = patches[:, 1] > 0
    hu = [float(p[0][m].mean()) for p, m in zip(patches, inside, strict=True)]
    assert min(hu) > -20


def test_a_real_scan_is_seen_in_training_as_in_use():
    grid = Grid.of((90, 80, 40), (0.8, 0.8, 2.0), (-30.0, 10.0, 5.0))
    rng = np.random.default_rng(0)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    far = np.linalg.norm(grid.to_lps(index) - (5.0, 42.0, 45.0), axis=-1)
    hu = np.where(far < 7, 40, -100) + rng.normal(0, 10, grid.shape)
    ct = Volume(np.asfortranarray(hu, np.float32), grid, Quantity.HU)
    box = Box.around(far < 7)
    node = Node(1, box, np.asfortranarray((far < 7)[box.slices]), 1.0)
    case = ScanCase(ct, (node,), (Station.S4R,), {"4R": True})
    for schedule in (PAPER, BUNDLED):
        seen = shown(plain(torch.from_numpy(case.cubes([0], (0,))), 32), schedule.preparation)
        np.testing.assert_allclose(seen, schedule.preparation(ct, [node]), atol=1e-3)


def test_a_batch_follows_from_its_number_and_its_bags_are_counted_on():
    visits = Visits(tuple(_patients(3, 0)), replace(PAPER, cases=2), 0)
    (a, (bags, labels)), (b, _), (c, _) = (visits.batch(n) for n in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert a.shape == (6, 2, 32, 32, 32)
    assert bags.tolist() == [0, 0, 1, 2, 2, 3]
    assert labels.shape == (4,)
    assert 0 <= a.min() < a.max() <= 1


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(malignancy_step, "CHANNELS", (4, 8))
    monkeypatch.setattr(malignancy_step, "BLOCKS", (1, 1))


@pytest.mark.parametrize("rule", [Rule.PAPER, Rule.ANY])
def test_nodes_are_told_apart_from_the_histology_of_stations_alone(tmp_path, tiny, rule):
    schedule = replace(BUNDLED, preparation=NodePatchPreparation(16), learning_rate=3e-3, rule=rule)
    learned = train_malignancy(_patients(8, 0), _patients(12, 1), Run(tmp_path, 80), schedule=schedule)
    assert learned.measures["station_auc"] > 0.9
    events = EventAccumulator(str(tmp_path / "fit/board"), {"images": 0}).Reload()
    assert [(e.step, e.width) for e in events.Images("nodes")] == [(step, 8 * 16) for step in (20, 40, 60, 80)]
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
    new = _patients(10, 2)
    everything = [replace(p, stations=(Station.S4R, Station.S4L, Station.S7, Station.S5)) for p in new]
    histology = [dict(zip(("4R", "4L", "7", "5"), p.malignant, strict=True)) for p in new]
    examples = examine(
        [replace(p, histology=h) for p, h in zip(everything, histology, strict=True)], NodePatchPreparation(16), 9
    )
    from nodewise.learn.resnet import build_resnet

    network = build_resnet(learned.plan, 0).eval()
    network.load_state_dict(learned.weights)
    logits = examples.logits(network)
    truth = examples.labels[examples.bags] == 1
    assert auc(truth, logits) > (0.95 if rule is Rule.ANY else 0.8)  # the paper's rule stops at one half
    if rule is Rule.PAPER:
        return
    assert ((learned.calibration(logits) >= 0.5) == truth).mean() > 0.9
    assert isinstance(learned.calibration, Temperature)


class Mean(nn.Module):
    """A node's logit is the mean of its patch."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, patches):
        return patches[:, 0].mean(dim=(1, 2, 3)) * self.weight


def test_nodes_are_shown_from_the_likeliest_to_the_least_likely():
    patches = torch.rand(80, 1, 1, 1, 1).expand(80, 2, 4, 4, 4).contiguous()
    examples = Examples(patches, np.arange(80), (np.arange(80) % 2).astype(np.int64))
    (picture,) = examples.pictures(Mean()).values()
    assert picture.shape == (8 * 7, 8 * 4, 3)
    shown = picture[::7, ::4, 0].ravel()
    assert (np.diff(shown) <= 0).all()
    assert (shown[0], shown[-1]) == pytest.approx((float(patches.max()), float(patches.min())))
    first = int(patches[:, 0, 0, 0, 0].argmax())
    np.testing.assert_allclose(picture[4:7, :4], np.broadcast_to((BENIGN, MALIGNANT)[first % 2], (3, 4, 3)))
    few = Examples(patches[:3], examples.bags[:3], examples.labels[:3])
    assert few.pictures(Mean())["nodes"].shape == (7, 8 * 4, 3)


def test_probabilities_are_calibrated_by_the_curve_that_was_asked_for(tmp_path, tiny):
    schedule = replace(BUNDLED, preparation=NodePatchPreparation(16))
    patients, others = _patients(8, 0), _patients(12, 1)
    learned = train_malignancy(patients, others, Run(tmp_path, 1), schedule=schedule, calibrate="isotonic")
    assert isinstance(learned.calibration, Isotonic)


def test_patients_without_both_verdicts_are_refused(tmp_path):
    benign = [replace(p, histology={"4R": False}) for p in _patients(3, 0)]
    with pytest.raises(BadInputError, match="train on have no benign or no malignant"):
        train_malignancy(benign, _patients(9, 1), Run(tmp_path, 1))
    with pytest.raises(BadInputError, match="validate on"):
        train_malignancy(_patients(9, 1), benign, Run(tmp_path, 1))
