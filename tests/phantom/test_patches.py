from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.patches import CLASSES, PatchSource, classes_of, load_geometry, save_geometry
from nodewise.phantom.scan.protocol import Protocol
from nodewise.phantom.scan.scanner import Layers, layers_of, redraw
from nodewise.phantom.scan.tissue import Phase, draw_appearance
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError


@pytest.fixture
def geometry(mediastinum: Geometry) -> Geometry:
    return mediastinum


def test_classes_of_a_geometry(geometry: Geometry) -> None:
    classes = classes_of(geometry)
    np.testing.assert_array_equal(classes == 1, geometry.nodes > 0)
    np.testing.assert_array_equal(classes == CLASSES.index("lung"), geometry.tissue == Tissue.LUNG)
    assert set(np.unique(classes)) == set(range(len(CLASSES)))


def test_patches_have_shape_and_type(geometry: Geometry) -> None:
    source = PatchSource([geometry], (48, 40, 32))
    hu, classes = source.draw(np.random.default_rng(0))
    assert hu.shape == classes.shape == (48, 40, 32)
    assert hu.dtype == np.float32
    assert classes.dtype == np.uint8
    again, _ = source.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(hu, again)


def test_labels_lie_on_what_is_seen(geometry: Geometry) -> None:
    rng = np.random.default_rng(3)
    source = PatchSource([geometry], (48, 48, 32), near_node=1.0)  # in the mediastinum what is other is fat
    for _ in range(4):
        hu, classes = source.draw(rng)
        assert np.median(hu[classes == CLASSES.index("lung")]) < -700
        assert -140 < np.median(hu[classes == 0]) < 0


def test_half_of_the_patches_are_about_a_node(geometry: Geometry) -> None:
    rng = np.random.default_rng(1)
    near, far = (PatchSource([geometry], (24, 24, 24), p) for p in (1.0, 0.0))
    with_node = [sum((s.draw(rng)[1] == 1).any() for _ in range(20)) for s in (near, far)]
    assert with_node[0] > 15
    assert with_node[0] > with_node[1]


def test_a_patch_larger_than_the_geometry_is_padded(geometry: Geometry) -> None:
    small = geometry.crop(Box((0, 0, 0), (20, 60, 30)))
    hu, classes = PatchSource([small], (32, 32, 32)).draw(np.random.default_rng(0))
    assert hu.shape == classes.shape == (32, 32, 32)
    np.testing.assert_array_equal(hu[19], hu[31])


def test_geometries_survive_the_disk(geometry: Geometry, tmp_path: Path) -> None:
    save_geometry(geometry, tmp_path / "a.npz")
    back = load_geometry(tmp_path / "a.npz")
    assert back.grid.same_as(geometry.grid)
    for name in ("tissue", "other", "share", "nodes"):
        np.testing.assert_array_equal(getattr(back, name), getattr(geometry, name))


def test_a_file_that_is_not_a_geometry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no")
    np.savez(tmp_path / "b.npz", something=np.zeros(3))
    for name in ("a.npz", "b.npz", "c.npz"):
        with pytest.raises(BadInputError, match=name):
            load_geometry(tmp_path / name)


def test_a_patch_is_redrawn_on_a_torch_device(geometry: Geometry) -> None:
    source = PatchSource([geometry], (40, 32, 24))
    hu, classes = source.draw(np.random.default_rng(2))
    on_device, same = source.draw_on("cpu", np.random.default_rng(2))
    np.testing.assert_array_equal(same.numpy(), classes)
    assert on_device.shape == hu.shape
    assert np.corrcoef(on_device.numpy().ravel(), hu.ravel())[0, 1] > 0.98  # all but the noise is the same


@pytest.mark.parametrize("slice_mm", [1.0, 5.0])
def test_numpy_and_torch_redraw_alike(geometry: Geometry, slice_mm: float) -> None:
    import torch

    layers = layers_of(geometry.crop(Box((10, 10, 20), (60, 62, 60))))
    tensors = Layers(*(None if a is None else torch.from_numpy(a.astype(np.int32)) for a in layers))
    look = draw_appearance(np.random.default_rng(0), Phase.PULMONARY)
    protocol = Protocol(0.8, slice_mm, 0.0, 0.6, edge=0.3, streaks=1.0, inflow=0.5, heart_mm=4.0, dome_mm=3.0)
    numpy, torched = (redraw(a, (2.0, 2.0, 2.0), look, protocol, np.random.default_rng(1)) for a in (layers, tensors))
    np.testing.assert_allclose(torched.numpy(), numpy, atol=0.05)
