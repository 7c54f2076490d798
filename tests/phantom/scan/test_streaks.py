from __future__ import annotations

import numpy as np

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.streaks import _ANGLES, add_streaks, errors

SPACING = (2.0, 2.0, 2.0)


def _vein(hu: float) -> tuple[np.ndarray, np.ndarray]:
    """A vein of 16 mm in water, (z, y, x)."""
    y, x = np.meshgrid(np.arange(90) - 40, np.arange(110) - 50, indexing="ij")
    tissue = np.full((12, 90, 110), Tissue.MUSCLE, np.uint8)
    tissue[2:10, x**2 + y**2 < 16] = Tissue.VESSEL_VEIN
    return np.where(tissue == Tissue.VESSEL_VEIN, np.float32(hu), np.float32(0)), tissue


def test_no_streak_without_dense_contrast() -> None:
    image, tissue = _vein(180)
    before = image.copy()
    np.testing.assert_array_equal(add_streaks(image, tissue, SPACING, 1.5, np.random.default_rng(0)), before)


def test_switched_off() -> None:
    image, tissue = _vein(700)
    before = image.copy()
    np.testing.assert_array_equal(add_streaks(image, tissue, SPACING, 0.0, np.random.default_rng(0)), before)


def test_bone_throws_none() -> None:
    image, tissue = _vein(700)
    tissue[tissue == Tissue.VESSEL_VEIN] = Tissue.BONE
    before = image.copy()
    np.testing.assert_array_equal(add_streaks(image, tissue, SPACING, 1.0, np.random.default_rng(0)), before)


def test_a_dense_vein_throws_dark_and_bright_bands() -> None:
    sizes = []
    for seed in range(6):
        image, tissue = _vein(700)
        change = add_streaks(image.copy(), tissue, SPACING, 1.0, np.random.default_rng(seed)) - image
        y, x = np.meshgrid(np.arange(90) - 40, np.arange(110) - 50, indexing="ij")
        ring = change[6][(np.hypot(x, y) > 6) & (np.hypot(x, y) < 10)]  # 4 to 12 mm off its wall
        sizes.append((ring.min(), ring.max()))
        far = change[6][np.hypot(x, y) > 35]
        assert far.std() < 0.7 * ring.std()
        assert abs(change[6].mean()) < 3
    low, high = np.array(sizes).T
    assert -150 < np.median(low) < -15
    assert 15 < np.median(high) < 150


def test_harder_rays_along_the_long_axis_are_dark() -> None:
    dense = np.zeros((1, 96, 96), np.float32)
    dense[0, 46:50, 30:66] = 400  # long along x
    change = errors(dense, (2.0, 2.0), np.zeros(_ANGLES, np.float32), 1.0)[0]
    assert change[46:50, 68:76].mean() < -5
    assert change[46:50, 68:76].mean() < change[30:40, 46:50].mean()


def test_an_angular_factor_is_that_of_a_reconstruction() -> None:
    """Against a projection, line by line, and its filtered back-projection."""
    y, x = np.meshgrid(np.arange(96) - 48.0, np.arange(96) - 48.0, indexing="ij")
    blob = (400 * np.exp(-((x - 3) ** 2 + (y + 2) ** 2) / 18)).astype(np.float32)
    pulse = np.cos(4 * np.pi * np.arange(_ANGLES) / _ANGLES).astype(np.float32)  # twice a half turn
    got = errors(blob[None], (1.0, 1.0), pulse, 1.0)[0]
    hard = errors(blob[None], (1.0, 1.0), 0 * pulse, 1.0)[0]
    at = np.arange(-512.0, 512.0)
    expected = np.zeros((96, 96))
    for theta in np.pi * np.arange(90) / 90:  # along the detector's direction (cos, sin)
        line = 400 * 3 * np.sqrt(2 * np.pi) * np.exp(-((at - 3 * np.cos(theta) + 2 * np.sin(theta)) ** 2) / 18)
        line = np.fft.ifft(np.fft.fft(line) * np.abs(np.fft.fftfreq(1024))).real
        expected += np.interp(x * np.cos(theta) + y * np.sin(theta), at, line) * np.cos(4 * theta) * np.pi / 90
    np.testing.assert_allclose(got - hard, expected, atol=0.06 * np.abs(expected).max())


def test_a_clip_of_one_voxel_throws_streaks_at_any_place() -> None:
    for at in (30, 31):
        tissue = np.full((8, 80, 80), Tissue.MUSCLE, np.uint8)
        tissue[at - 27, at, at] = Tissue.METAL
        image = np.where(tissue == Tissue.METAL, np.float32(6000), np.float32(0))
        change = add_streaks(image.copy(), tissue, (0.8, 0.8, 2.0), 1.0, np.random.default_rng(0)) - image
        y, x = np.meshgrid(np.arange(80) - at, np.arange(80) - at, indexing="ij")
        ring = change[at - 27][(np.hypot(x, y) > 4) & (np.hypot(x, y) < 9)]
        assert ring.std() > 5


def test_streaks_leave_the_dense_vein_where_it_is() -> None:
    """The error lies about the middle of what threw it, to a fraction of a coarse voxel."""
    image, tissue = _vein(700)
    for spacing in ((0.7, 0.7, 1.0), (1.5, 1.5, 1.5)):
        change = add_streaks(image.copy(), tissue, spacing, 1.0, np.random.default_rng(0)) - image
        size = np.abs(change[6, 30:51, 40:61])
        y, x = np.meshgrid(np.arange(21) - 10, np.arange(21) - 10, indexing="ij")
        assert abs((size * x).sum() / size.sum()) < 1
        assert abs((size * y).sum() / size.sum()) < 1
