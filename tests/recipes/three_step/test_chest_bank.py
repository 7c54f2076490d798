from types import SimpleNamespace

import numpy as np
import pytest

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.recipes.three_step import chest_bank as bank
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


@pytest.fixture
def body():
    """Two lungs of 10 mm voxels with a station between them and another far above."""
    grid = Grid.of((20, 12, 24), (10.0, 10.0, 10.0))
    tissue = np.full(grid.shape, Tissue.FAT, np.uint8, order="F")
    tissue[4:8, 4:8, 4:14] = tissue[12:16, 4:8, 4:14] = Tissue.LUNG
    places = np.zeros(grid.shape, np.uint8, order="F")
    places[9:11, 5:7, 8:10] = Station.S7.label
    places[9, 5, 16] = Station.S1R.label
    empty = np.zeros(grid.shape, np.uint8, order="F")
    geometry = Geometry(grid, tissue, empty, np.full_like(empty, 255), empty.astype(np.uint16, order="F"))
    return SimpleNamespace(geometry=geometry, places=Volume(places, grid, Quantity.LABEL))


def test_a_chest_is_cut_to_its_lungs_with_a_margin(body):
    box = bank.around_lungs(body.geometry.tissue == Tissue.LUNG, body.geometry.grid)
    # 25 mm are 2 voxels, 10 mm one, 50 mm five
    assert (box.start, box.stop) == ((2, 2, 3), (18, 10, 19))


def test_what_is_written_is_read_back_and_kept(tmp_path, body, monkeypatch):
    monkeypatch.setattr("nodewise.phantom.chest.make_chest", lambda seed, spacing: body)
    path = tmp_path / f"{bank.FIRST_SEED}.npz"
    bank.draw_chest(path, bank.FIRST_SEED)
    before = path.read_bytes()
    (chest,) = bank.chest_bank(tmp_path, 1, 0)
    assert path.read_bytes() == before
    assert chest.geometry.grid.shape == chest.stations.shape == (16, 8, 16)
    where = chest.geometry.grid.to_lps(np.argwhere(chest.stations == Station.S1R.label))
    np.testing.assert_allclose(where, [body.geometry.grid.to_lps((9, 5, 16))])
    np.testing.assert_array_equal(chest.geometry.tissue, body.geometry.tissue[2:18, 2:10, 3:19])


def test_a_chest_without_its_map_is_refused(tmp_path, body, monkeypatch):
    monkeypatch.setattr("nodewise.phantom.chest.make_chest", lambda seed, spacing: body)
    path = tmp_path / "1.npz"
    bank.draw_chest(path, 1)
    (tmp_path / "1.stations.npz").write_bytes(b"no map")
    with pytest.raises(BadInputError, match=r"1\.stations\.npz is no map of stations: delete"):
        bank.load_chest(path)
    np.savez_compressed(tmp_path / "1.stations.npz", stations=np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(BadInputError, match="belongs to another chest"):
        bank.load_chest(path)


@pytest.mark.slow
def test_a_bank_is_drawn_by_other_processes(tmp_path):
    told = []
    chests = bank.chest_bank(tmp_path, 1, 3, progress=told.append)
    assert told == [1]
    assert (tmp_path / f"{bank.FIRST_SEED + 3 * bank.SEEDS_A_RUN}.npz").exists()
    assert {Station.S4R.label, Station.S7.label} <= set(np.unique(chests[0].stations).tolist())
