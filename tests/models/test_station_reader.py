import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nodewise.image.resample import resample
from nodewise.learn.network import NetworkPlan, build_network
from nodewise.learn.slide import MOST_WINDOWS
from nodewise.learn.two_heads import TwoHeads
from nodewise.models.model_file import StepFile
from nodewise.models.plan_file import describe_plan
from nodewise.models.preparation import Preparation
from nodewise.models.preparation_file import describe_preparation
from nodewise.models.station_reader import StationReader, station_reader
from nodewise.values.anatomy import LEARNED_STATIONS, Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

PREPARATION = Preparation((4.0, 4.0, 4.0), ((-160.0, 240.0),), margin_mm=0.0)
STATIONS = (Station.S4R, Station.S4L)
BOX = Region((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class Answers(nn.Module):
    """Logits by a rule, as probabilities."""

    def forward(self, x):
        return TwoHeads()(self.logits(x))


class ByDensity(Answers):
    """Mediastinum above −20 HU, 4R below 110 HU and 4L above it."""

    def logits(self, x):
        hu = x[:, 0] * 400 - 160
        return torch.stack(((hu + 20) / 4, (110 - hu) / 4, (hu - 110) / 4), dim=1)


def _blocks(grid, right_hu=60.0, left_hu=160.0):
    """Fat with a block right of x = 0 and one left of it, both 20 × 48 × 64 mm about the origin."""
    x, y, z = np.moveaxis(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    hu = np.full(grid.shape, -100, np.float32)
    beside = (np.abs(y) < 24) & (np.abs(z) < 32)
    hu[beside & (x > -20) & (x <= 0)] = right_hu
    hu[beside & (x > 0) & (x < 20)] = left_hu
    return np.asfortranarray(hu)


def _study(hu=None, grid=None):
    grid = grid or Grid.of((120, 80, 100), (2.0, 2.0, 2.0), (-119.0, -79.0, -99.0))
    return Study("a", Volume(_blocks(grid) if hu is None else hu, grid, Quantity.HU), Source(grid))


def _anatomy(**changes):
    """Lungs at 40 to 110 mm from the midline, a trachea and a carina at the origin."""
    grid = Grid.of((60, 40, 50), (4.0, 4.0, 4.0), (-118.0, -78.0, -98.0))
    x, y, z = np.moveaxis(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    organs = np.ones(grid.shape, np.uint8, order="F")
    lung = (np.abs(x) > 40) & (np.abs(x) < 110) & (np.abs(y) < 60) & (np.abs(z) < 60)
    organs[lung & (x < 0)], organs[lung & (x > 0)] = 2, 3
    organs[(np.abs(x) < 7) & (np.abs(y) < 7) & (z > 10)] = 4
    answer = Anatomy(
        landmarks={"carina": Landmark((0.0, 0.0, 0.0), LandmarkStatus.FOUND, 0.9)},
        mediastinum=BOX,
        how="landmarks",
        organs=Volume(organs, grid, Quantity.LABEL),
        organ_names={1: "body", 2: "lung_right", 3: "lung_left", 4: "airway"},
    )
    return replace(answer, **changes)


def _reader(network=None, **changes):
    reader = StationReader((network or ByDensity()).eval(), PREPARATION, (32, 32, 32), STATIONS)
    return replace(reader, **changes)


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("turned", [False, True])
def test_stations_lie_where_the_network_sees_them(turned):
    grid = None
    if turned:  # a tilted gantry: the voxels' axes are not the patient's
        lean = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]])
        grid = Grid.of((120, 100, 100), (2.0, 2.0, 2.0), direction=lean)
        grid = Grid.of(grid.shape, grid.spacing, tuple(-grid.to_lps((59.5, 49.5, 49.5))), lean)
    by_rules = _anatomy().organs
    found = _reader()(_study(grid=grid), replace(_anatomy(stations=by_rules), stations_error_mm=12.0))
    assert found.how == LEARNED_STATIONS
    assert found.warnings == ()
    assert found.stations_by_rules is by_rules and found.stations_error_mm == 0
    hu = _blocks(found.stations.grid)
    airway = resample(
        Volume(np.asfortranarray(_anatomy().organs.array == 4), _anatomy().organs.grid, Quantity.MASK),
        found.stations.grid,
    ).array
    for station, truth in ((Station.S4R, hu == 60), (Station.S4L, hu == 160)):
        assert _dice(found.stations.array == station.label, truth & ~airway) > 0.9
    assert not found.stations.array[airway].any()


def test_the_box_holds_the_stations_and_is_at_least_128_mm_wide_and_deep():
    region = _reader()(_study(), _anatomy()).mediastinum
    size = np.subtract(region.high_mm, region.low_mm)
    np.testing.assert_allclose(size[:2], 128.0)
    assert 64 + 20 <= size[2] <= 64 + 20 + 6 * 4
    np.testing.assert_allclose(np.add(region.low_mm, region.high_mm) / 2, 0, atol=3)


def test_between_the_lowest_recesses_of_the_lungs_nothing_is_looked_for():
    anatomy = _anatomy()
    x, y, z = np.moveaxis(anatomy.organs.grid.to_lps(np.moveaxis(np.indices(anatomy.organs.grid.shape), 0, -1)), -1, 0)
    lungs = np.isin(anatomy.organs.array, (2, 3))
    organs = np.where(lungs & (z < -10) & ((np.abs(x) < 100) | (y < 30)), 1, anatomy.organs.array)
    found = _reader()(_study(), _anatomy(organs=anatomy.organs.with_array(np.asfortranarray(organs), Quantity.LABEL)))
    assert found.how == LEARNED_STATIONS
    heights = found.stations.grid.to_lps(np.argwhere(found.stations.array))[:, 2]
    assert -20 < heights.min() < -8
    assert heights.max() > 28


def test_the_cavity_gains_the_stations():
    grid = Grid.of((30, 20, 25), (8.0, 8.0, 8.0), (-116.0, -76.0, -96.0))
    empty = Volume(np.zeros(grid.shape, bool, order="F"), grid, Quantity.MASK)
    cavity = _reader()(_study(), _anatomy(cavity=empty)).cavity
    inside = grid.to_lps(np.argwhere(cavity.array))
    assert len(inside) > 50
    assert np.abs(inside).max(axis=0) == pytest.approx([20, 24, 32], abs=8)


def test_a_stray_part_is_left_out():
    study = _study()
    hu = study.ct.array.copy(order="F")
    hu[56:64, 60:64, 96:100] = 60  # a twentieth of the whole, at the head's end
    found = _reader()(_study(hu), _anatomy())
    assert found.stations.grid.to_lps(np.argwhere(found.stations.array)).max(axis=0)[2] < 40


class Nothing(Answers):
    def logits(self, x):
        return torch.full((len(x), 3, *x.shape[2:]), -9.0)


class Everywhere(Answers):
    def logits(self, x):
        return torch.full((len(x), 3, *x.shape[2:]), 9.0)


class Crossed(ByDensity):
    def logits(self, x):
        return super().logits(x)[:, [0, 2, 1]]


def _far_carina():
    return {"carina": Landmark((0.0, 0.0, 80.0), LandmarkStatus.FOUND, 0.9)}


@pytest.mark.parametrize(
    ("network", "changes", "why"),
    [
        (Nothing(), {}, "it found no mediastinum"),
        (Everywhere(), {}, "its mediastinum holds [0-9]+ ml"),
        (Crossed(), {}, "its right stations lie left of its left ones"),
        (ByDensity(), {"landmarks": _far_carina()}, "more than 25 mm from the carina"),
        (ByDensity(), {"organs": None}, "no two lungs were found"),
    ],
)
def test_what_cannot_be_true_is_not_used(network, changes, why):
    grid = Grid.of((4, 4, 4), (10.0, 10.0, 10.0))
    rules = Volume(np.zeros(grid.shape, np.uint8, order="F"), grid, Quantity.LABEL)
    given = _anatomy(stations=rules, warnings=("before",), **changes)
    found = _reader(network)(_study(), given)
    assert found.stations is found.stations_by_rules is rules
    assert (found.how, found.mediastinum) == ("landmarks", BOX)
    assert found.warnings[0] == "before"
    assert len(found.warnings) == 2
    assert re.search(why, found.warnings[1])
    assert found.warnings[1].endswith("are laid out from landmarks.")


def test_a_mediastinum_beside_the_lungs_is_not_used():
    organs = _anatomy().organs
    lungs = np.ones(organs.array.shape, np.uint8, order="F")
    lungs[10:15, 10:30, 10:40] = 2  # both on the right, but for a corner on the left
    lungs[18:23, 10:30, 10:40] = lungs[50, 20, 25] = 3
    found = _reader()(_study(), _anatomy(organs=Volume(lungs, organs.grid, Quantity.LABEL)))
    assert "does not lie between the lungs" in found.warnings[-1]
    assert found.warnings[-1].endswith("stations are unknown.")


def test_without_a_carina_the_network_still_answers():
    landmarks = {"carina": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0)}
    assert _reader()(_study(), _anatomy(landmarks=landmarks)).how == LEARNED_STATIONS


class Spent(Answers):
    def forward(self, x):
        return torch.empty(2**50, dtype=torch.uint8)


def test_too_little_memory_is_told_in_one_line():
    with pytest.raises(BadInputError, match="memory ran out on cpu: close other programs"):
        _reader(Spent())(_study(), _anatomy())


def test_several_windows_give_the_same_map():
    one = _reader(patch=(64, 64, 64))(_study(), _anatomy())
    many = _reader(patch=(16, 32, 16), overlap=0.5)(_study(), _anatomy())
    both = resample(many.stations, one.stations.grid).array
    assert _dice(both == Station.S4R.label, one.stations.array == Station.S4R.label) > 0.95


def test_a_narrow_window_does_not_cut_the_hila_off():
    grid = Grid.of((120, 80, 100), (2.0, 2.0, 2.0), (-119.0, -79.0, -99.0))
    hu = _blocks(grid)
    hu[20:60, 28:52, 34:66] = 60.0  # 4R from 80 mm on the right; a window is 128 mm wide
    found = _reader()(_study(hu), _anatomy())
    right = found.stations.grid.to_lps(np.argwhere(found.stations.array == Station.S4R.label))
    assert right[:, 0].min() == pytest.approx(-80, abs=4)


def _step(outputs):
    plan = NetworkPlan(1, (1, len(outputs) - 1), channels=(4, 8), blocks=(1, 1))
    return StepFile(
        kind="unet",
        plan=describe_plan(plan),
        preparation=describe_preparation(PREPARATION),
        patch=(16, 16, 16),
        outputs=outputs,
    ), build_network(plan, 0).eval()


def test_a_models_step_becomes_a_reader():
    step, network = _step(("mediastinum", "4R", "7"))
    reader = station_reader(step, (network,), runtime="torch")
    assert (reader.stations, reader.patch) == ((Station.S4R, Station.S7), (16, 16, 16))
    x = torch.randn((1, 1, 16, 16, 16), generator=torch.Generator().manual_seed(0))
    answer = reader.predict(x)
    with torch.inference_mode():
        logits = network(x)
    np.testing.assert_allclose(answer[:, 0], logits[:, 0].sigmoid(), atol=0.02)
    np.testing.assert_allclose(answer[:, 1:].sum(dim=1), 1, rtol=1e-5)
    np.testing.assert_allclose(answer[:, 1:], logits[:, 1:].softmax(dim=1), atol=0.02)


def test_windows_are_looked_at_together_as_memory_allows(monkeypatch):
    step, network = _step(("mediastinum", "4R", "7"))
    assert station_reader(step, (network,), runtime="torch").batch == 1
    monkeypatch.setattr("nodewise.learn.slide.free_memory", lambda _device: 10**9)
    reader = station_reader(step, (network,), runtime="torch")
    assert reader.batch == MOST_WINDOWS
    seen = []
    replace(reader, predict=lambda x: seen.append(len(x)) or reader.predict(x))(_study(), _anatomy())
    assert max(seen) == MOST_WINDOWS


def test_a_compiled_reader_is_kept(tmp_path):
    pytest.importorskip("openvino")
    step, network = _step(("mediastinum", "4R", "7"))
    station_reader(step, (network,), runtime="openvino", cache=tmp_path).predict(torch.zeros((1, 1, 16, 16, 16)))
    assert list(tmp_path.glob("*.xml"))


def test_a_step_of_something_else_is_refused():
    step, network = _step(("node", "vessel"))
    with pytest.raises(BadInputError, match="the step has the outputs node, vessel: mediastinum and stations"):
        station_reader(step, (network,))
