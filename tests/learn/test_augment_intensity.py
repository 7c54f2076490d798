import numpy as np
import pytest
import torch
from monai.transforms import AdjustContrast, GaussianSmooth
from scipy import ndimage

from nodewise.learn.augment_intensity import (
    Intensity,
    at_low_resolution,
    blurred,
    change_intensity,
    with_contrast,
    with_gamma,
    with_noise,
)

RNG = np.random.default_rng(0)
IMAGE = np.asfortranarray(ndimage.gaussian_filter(RNG.standard_normal((20, 18, 14)), 1).astype(np.float32))


def test_noise_is_white_and_of_its_strength():
    noisy = with_noise(np.zeros((40, 40, 40), np.float32), 3.0, np.random.default_rng(1))
    assert noisy.std() == pytest.approx(3, rel=0.02)
    assert noisy.mean() == pytest.approx(0, abs=0.05)
    assert np.corrcoef(noisy[1:].ravel(), noisy[:-1].ravel())[0, 1] == pytest.approx(0, abs=0.02)


def test_blur_is_monais_gaussian():
    inner = (slice(4, -4),) * 3
    expected = GaussianSmooth(0.9, approx="sampled")(torch.from_numpy(np.ascontiguousarray(IMAGE))[None])[0].numpy()
    assert np.allclose(blurred(IMAGE, 0.9)[inner], expected[inner], atol=2e-3)


def test_contrast_stretches_about_the_mean_and_keeps_the_range():
    values = np.array([0, 4, 5, 6, 10], np.float32)
    assert np.allclose(with_contrast(values, 1.25), [0, 3.75, 5, 6.25, 10])
    assert np.allclose(with_contrast(values, 0.5), [2.5, 4.5, 5, 5.5, 7.5])


@pytest.mark.parametrize("power", [0.7, 1.0, 1.5])
def test_gamma_is_monais_with_kept_statistics(power):
    expected = AdjustContrast(gamma=power, retain_stats=True)(torch.from_numpy(np.ascontiguousarray(IMAGE)))
    assert np.allclose(with_gamma(IMAGE, power), np.asarray(expected), atol=2e-3)


def test_gamma_leaves_an_even_image_alone():
    assert np.array_equal(with_gamma(np.full((3, 3), 7, np.float32), 1.5), np.full((3, 3), 7))


def test_low_resolution_keeps_a_ramp_but_not_detail():
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None, None], (16, 12, 10))
    half = at_low_resolution(ramp, 0.5)
    # of each two voxels one is kept, and lines run between them
    assert np.allclose(np.diff(half[2:-2, 0, 0]), 1, atol=1e-5)
    assert np.array_equal(at_low_resolution(IMAGE, 1.0), IMAGE)
    assert at_low_resolution(IMAGE, 0.5).std() < IMAGE.std()
    assert at_low_resolution(IMAGE[..., 0], 0.5).shape == (20, 18)


def test_nothing_happens_by_default():
    image = np.stack([IMAGE, 2 * IMAGE])
    assert np.array_equal(change_intensity(image, Intensity(), np.random.default_rng(0)), image)


@pytest.mark.parametrize(
    "name", ["noise", "blur", "shift", "brightness", "contrast", "low_resolution", "inverted_gamma", "gamma"]
)
def test_each_change_has_a_probability_and_spares_other_channels(name):
    image = np.stack([IMAGE, IMAGE])
    limits = Intensity(**{name: 0.5}, channels=(1,))
    moved = 0
    for seed in range(60):
        changed = change_intensity(image, limits, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        assert np.array_equal(changed[0], IMAGE)
        moved += not np.array_equal(changed[1], IMAGE)
        again = change_intensity(image, limits, np.random.default_rng(seed))
        assert changed.tobytes() == again.tobytes()
    assert 15 <= moved <= 45
    assert np.array_equal(image[1], IMAGE)


def test_inverted_gamma_bends_the_other_way():
    ramp = np.linspace(0, 1, 101, dtype=np.float32)[None]
    limits = {"gamma_limits": (1.5, 1.5)}
    plain, inverted = (
        change_intensity(ramp, Intensity(**{name: 1.0}, **limits), np.random.default_rng(0))[0]
        for name in ("gamma", "inverted_gamma")
    )
    assert np.allclose(plain, 1 - inverted[::-1], atol=1e-4)
    assert np.diff(plain)[0] < np.diff(plain)[-1]
    assert np.diff(inverted)[0] > np.diff(inverted)[-1]


def test_factors_lie_about_one_as_often_below_as_above():
    limits = Intensity(brightness=1, brightness_limits=(0.75, 2.0))
    ones = np.ones((1, 2, 2), np.float32)
    factors = np.array([change_intensity(ones, limits, np.random.default_rng(s))[0, 0, 0] for s in range(400)])
    assert factors.min() >= 0.75
    assert factors.max() <= 2
    assert 0.4 < (factors < 1).mean() < 0.6
