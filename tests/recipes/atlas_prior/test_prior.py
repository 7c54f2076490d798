import numpy as np
import pytest
from scipy import ndimage

from nodewise.recipes.atlas_prior.prior import (
    CarinaAtlas,
    Frame,
    Nodes,
    build_atlas,
    frame_of,
    load_atlas,
)
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Quantity


def _anatomy(carina=(0.0, 0.0, 0.0), scale=1.0):
    """A chest of 280 × 200 × 260 mm times ``scale``, the carina where it is told."""
    c = np.array(carina)
    low, high = c - scale * np.array((140, 80, 160)), c + scale * np.array((140, 120, 100))
    found = Landmark(carina, LandmarkStatus.FOUND, 1.0)
    return Anatomy({"carina": found}, Region(tuple(low.tolist()), tuple(high.tolist())), "by hand")


def _nodes(middle, radius=8.0, step=1.5):
    axis = np.arange(-radius, radius + step, step)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) <= radius] + middle
    return Nodes(points.astype(np.float32), step**3)


def _peak(volume):
    return volume.grid.to_lps(np.unravel_index(int(volume.array.argmax()), volume.array.shape))


def test_a_point_keeps_its_share_of_the_way_to_the_side():
    small, large = frame_of(_anatomy()), frame_of(_anatomy((10.0, -5.0, 300.0), 1.5))
    assert np.allclose(small.to(large, np.array((14.0, -8.0, 10.0))), (21.0, -12.0, 15.0))
    assert np.allclose(small.to(small, np.array((14.0, -8.0, 10.0))), (14.0, -8.0, 10.0))


def test_nodes_of_patients_of_any_size_meet_in_the_atlas_and_are_laid_back():
    anatomies = [_anatomy((10.0 * n, 5.0, -30.0 * n), 0.8 + 0.2 * n) for n in range(4)]
    patients = []
    for n, anatomy in enumerate(anatomies):
        middle = np.array(anatomy.landmarks["carina"].lps_mm) + (0.8 + 0.2 * n) * np.array((20.0, 0.0, -30.0))
        patients.append((frame_of(anatomy), _nodes(middle, 8.0 * (0.8 + 0.2 * n))))
    atlas = build_atlas(patients)
    for anatomy, (_, nodes) in zip(anatomies, patients, strict=True):
        laid = atlas.lay(anatomy)
        assert np.linalg.norm(_peak(laid.prior) - nodes.lps_mm.mean(axis=0)) < 5
        assert laid.prior.array.max() == pytest.approx(1, abs=0.1)
        assert laid.prior.array.min() >= 0
        assert laid.distance.quantity is Quantity.MILLIMETRE
        at = laid.distance.grid.to_index(anatomy.landmarks["carina"].lps_mm)
        assert ndimage.map_coordinates(laid.distance.array, at[:, None], order=1)[0] < 4.5  # between voxels of 3 mm


def test_the_total_is_the_mean_of_masks_and_smoothed_by_5_mm():
    atlas = build_atlas([(frame_of(_anatomy()), _nodes(np.array((20.0, 0.0, -30.0))))])
    assert atlas.total.sum() * 27 == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.1)
    point = CarinaAtlas(np.zeros((41, 41, 41), np.float32), 1, atlas.mean, atlas.grid)
    point.total[20, 20, 20] = 1
    line = point.prior()[:, 20, 20]
    assert line[20] == 1
    assert line[25] == pytest.approx(np.exp(-0.5 * (15 / 5) ** 2), rel=0.05)


def test_a_patients_own_nodes_are_taken_out():
    first, second = (
        (frame_of(_anatomy()), _nodes(np.array((20.0, 0, -30)))),
        (frame_of(_anatomy()), _nodes(np.array((-30.0, 0, 20)))),
    )
    both, one = build_atlas([first, second]), build_atlas([second])
    laid = both.lay(_anatomy(), both.share(*first)).prior
    assert np.allclose(laid.array, one.lay(_anatomy()).prior.array, atol=1e-3)
    assert np.linalg.norm(_peak(laid) - (-30, 0, 20)) < 5


def test_where_it_cannot_be_laid_a_warning_says_so():
    atlas = build_atlas([(frame_of(_anatomy()), _nodes(np.array((20.0, 0, -30))))])
    lost = Anatomy({"carina": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0)}, _anatomy().mediastinum, "by hand")
    laid = atlas.lay(lost)
    assert laid.prior is None and laid.distance is None
    assert "could not be laid" in laid.warnings[-1]
    at_edge = Anatomy(_anatomy().landmarks, Region((-140.0, -5.0, -160.0), (140.0, 120.0, 100.0)), "by hand")
    assert frame_of(at_edge) is None
    with pytest.raises(BadInputError, match="no atlas can be built"):
        build_atlas([])


def test_it_is_kept_in_a_file(tmp_path):
    atlas = build_atlas([(frame_of(_anatomy()), _nodes(np.array((20.0, 0, -30))))])
    path = tmp_path / "atlas.npz"
    path.write_bytes(atlas.to_bytes())
    again = load_atlas(path)
    assert np.allclose(again.prior(), atlas.prior(), atol=2e-3)
    assert atlas.to_bytes() == atlas.to_bytes() == path.read_bytes()
    assert again.to_bytes() == atlas.to_bytes()
    assert isinstance(again.mean, Frame) and again.patients == 1
    for damaged in (b"none", atlas.to_bytes()[:900], b""):
        path.write_bytes(damaged)
        with pytest.raises(BadInputError, match="no node atlas"):
            load_atlas(path)
