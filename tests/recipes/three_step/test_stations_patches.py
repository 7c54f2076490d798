import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.recipes.three_step.chest_bank import AROUND_LUNGS_MM, DrawnChest
from nodewise.recipes.three_step.stations_patches import IGNORE, OTHER, Pose, StationPatches, class_table, mirrored
from nodewise.values.grid import Grid
from nodewise.values.station import Station

STILL = Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0), 0.0, 0.0, 0.0)
STATIONS = (Station.S4R, Station.S4L, Station.S7, Station.S5)
SPACING = 5.0


@pytest.fixture(scope="module")
def chest():
    """Fat with three balls of muscle that are stations; margins and sizes are whole voxels."""
    grid = Grid.of((36, 32, 40), (SPACING,) * 3)
    x, y, z = np.ogrid[:36, :32, :40]
    stations = np.zeros(grid.shape, np.uint8, order="F")
    for station, middle in ((Station.S4R, (12, 14, 24)), (Station.S4L, (24, 14, 22)), (Station.S8, (18, 22, 10))):
        ball = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2 < 25
        stations[ball] = station.label
    tissue = np.where(stations > 0, np.uint8(Tissue.MUSCLE), np.uint8(Tissue.FAT)).astype(np.uint8, order="F")
    empty = np.zeros(grid.shape, np.uint8, order="F")
    geometry = Geometry(grid, tissue, empty, np.full_like(empty, 255), empty.astype(np.uint16, order="F"))
    return DrawnChest(geometry, stations)


def _patches(chest, pose, patch=(16, 16, 20)):
    return StationPatches([chest], STATIONS, patch, SPACING, pose)


def test_classes_count_from_one_and_the_rest_is_other():
    table = class_table(STATIONS)
    codes = [Station.S4R, Station.S4L, Station.S7, Station.S5, Station.S8]
    assert table[[s.label for s in codes]].tolist() == [1, 2, 3, 4, OTHER]
    assert table[0] == 0
    assert class_table((Station.S7, Station.S3A))[[Station.S7R.label, Station.S3AL.label]].tolist() == [1, 2]
    assert class_table((Station.S7, Station.S7L))[[Station.S7R.label, Station.S7L.label]].tolist() == [1, 2]


def test_a_mirrored_patient_has_the_other_sides():
    table = mirrored(STATIONS)
    assert table[[0, 1, 2, 3, 4, OTHER, IGNORE]].tolist() == [0, 2, 1, 3, IGNORE, OTHER, IGNORE]
    assert mirrored((Station.S2R,))[1] == IGNORE  # its other side has no class


def test_without_a_pose_a_patch_is_the_middle_of_the_lungs(chest):
    hu, classes = _patches(chest, STILL).draw(np.random.default_rng(0))
    low, high = np.asarray(AROUND_LUNGS_MM)
    middle = (np.array(chest.stations.shape) + (low - high) / SPACING) / 2
    start = (middle - np.array(classes.shape) / 2).astype(int)
    part = tuple(slice(a, a + n) for a, n in zip(start, classes.shape, strict=True))
    np.testing.assert_array_equal(classes, class_table(STATIONS)[chest.stations[part]])
    assert hu[classes == 1].mean() > hu[classes == 0].mean() + 60
    assert hu.dtype == np.float32


def test_a_mirrored_patch_is_the_flipped_one_with_sides_exchanged(chest):
    still = _patches(chest, STILL).draw(np.random.default_rng(1))[1]
    flipped = _patches(chest, Pose(STILL.shift_mm, STILL.turn_deg, (1.0, 1.0), 0.0, 1.0, 0.0)).draw(
        np.random.default_rng(1)
    )[1]
    np.testing.assert_array_equal(flipped, mirrored(STATIONS)[still[::-1]])
    assert {1, 2} <= set(np.unique(flipped).tolist())


def test_a_turned_and_scaled_patch_is_scipys(chest, monkeypatch):
    source = _patches(chest, Pose((9.0, 9.0, 9.0), (15.0, 15.0, 15.0), (0.8, 1.25), 0.1, 0.0, 0.0))
    seen = {}
    monkeypatch.setattr(
        "nodewise.recipes.three_step.stations_patches._draw_pose",
        lambda pose, rng: seen.setdefault("pose", (_turn(), np.array([4.0, -6.0, 3.0]))),
    )
    _, classes = source.draw(np.random.default_rng(2))
    matrix, moved = seen["pose"]
    low, high = np.asarray(AROUND_LUNGS_MM) / SPACING
    middle = (np.array(chest.stations.shape) - 1 + low - high) / 2 + moved / SPACING
    offset = middle - matrix @ ((np.array(classes.shape) - 1) / 2)
    expected = ndimage.affine_transform(
        class_table(STATIONS)[chest.stations], matrix, offset, classes.shape, order=0, cval=IGNORE
    )
    inside = (classes != IGNORE) & (expected != IGNORE)
    assert inside.mean() > 0.9
    assert (classes[inside] == expected[inside]).mean() > 0.995


def _turn():
    from scipy.spatial.transform import Rotation

    return 1.1 * Rotation.from_euler("xyz", (5, -8, 12), degrees=True).as_matrix()


def test_beyond_the_scan_nothing_is_known(chest):
    _, classes = _patches(chest, STILL, (48, 16, 20)).draw(np.random.default_rng(3))
    np.testing.assert_array_equal(np.unique(classes[:6]), [IGNORE])


def test_what_a_short_scan_does_not_show_is_not_known(chest):
    cut = Pose(STILL.shift_mm, STILL.turn_deg, (1.0, 1.0), 0.0, 0.0, 2.0, 60.0)
    hidden = [
        (_patches(chest, pose, (8, 8, 40)).draw(np.random.default_rng(3))[1][0, 0] == IGNORE).sum()
        for pose in (STILL, cut)
    ]
    # shown, the chest of 40 voxels leaves the 4 unknown by which the lungs' middle is lower than its own
    assert hidden[0] == 4
    assert 4 < hidden[1] <= 4 + 2 * 12


def test_the_same_generator_draws_the_same_patch(chest):
    first, again, other = (_patches(chest, Pose()).draw(np.random.default_rng(n)) for n in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
