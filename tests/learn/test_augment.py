import numpy as np
import pytest

from nodewise.learn.augment import flip, gamma, intensity, quarter_turns


def _pair():
    image = np.arange(2 * 3 * 3, dtype=np.float32).reshape(3, 3, 2)
    return image, image.astype(np.uint8)


@pytest.mark.parametrize("change", [lambda a, r: flip(a, r, axes=(0, 1, 2)), quarter_turns])
def test_image_and_classes_move_together_and_nothing_is_lost(change):
    image, classes = _pair()
    shown = set()
    for seed in range(40):
        a, b = change((image, classes), np.random.default_rng(seed))
        assert np.array_equal(a, b)
        assert sorted(a.ravel()) == sorted(image.ravel())
        shown.add(a.tobytes())
    assert len(shown) == (8 if change is not quarter_turns else 4)


def test_only_the_named_axes_are_flipped():
    image, _ = _pair()
    for seed in range(10):
        (a,) = flip((image,), np.random.default_rng(seed), axes=(0,))
        assert np.array_equal(a, image) or np.array_equal(a, image[::-1])


def test_a_turn_needs_a_square_plane():
    with pytest.raises(ValueError, match="square"):
        quarter_turns((np.zeros((3, 4, 2)),), np.random.default_rng(0))


def test_intensity_stays_within_its_limits():
    image = np.full((20, 20, 20), 100, dtype=np.float32)
    for seed in range(10):
        changed = intensity(image, np.random.default_rng(seed), shift=10, scale=0.1, noise=5)
        assert changed.dtype == np.float32
        assert 80 - 0.3 <= changed.mean() <= 120 + 0.3
        assert changed.std() < 5.3
    again = intensity(image, np.random.default_rng(9), shift=10, scale=0.1, noise=5)
    assert np.array_equal(changed, again)


def test_gamma_keeps_black_white_and_order():
    ramp = np.linspace(0, 1, 11, dtype=np.float32)
    changed = gamma(ramp, np.random.default_rng(3), limits=(0.5, 2))
    assert changed[0] == 0
    assert changed[-1] == 1
    assert (np.diff(changed) > 0).all()
    assert np.array_equal(gamma(ramp, np.random.default_rng(3), limits=(1, 1)), ramp)
