import numpy as np
import pytest

from nodewise.learn.augment import NNUNET, P1, P1_STATIONS, P2, P4, P5, augmented, gamma, intensity
from nodewise.learn.loss import IGNORE


@pytest.mark.parametrize("preset", [P1, P1_STATIONS, P4, P5, NNUNET])
def test_a_preset_changes_image_and_classes_together(preset):
    # an image that tells its class: after any change in place they still agree
    shape = (24, 24, 16)
    classes = np.zeros(shape, np.uint8)
    classes[4:20, 6:12, 3:12] = 1
    classes[4:9, 12:16, 3:6] = 1
    hu = np.where(classes == 1, 100, 0).astype(np.float32)
    seen = set()
    for seed in range(12):
        image, (labels,) = augmented(
            hu[None], (classes,), preset, np.random.default_rng(seed), spacing=(1, 1, 1.5), swaps=(None,)
        )
        assert (image.shape, labels.shape, image.dtype) == ((1, *shape), shape, np.float32)
        node, other = image[0][labels == 1], image[0][labels == 0]
        assert np.median(node) > np.median(other) + 50
        again, _ = augmented(
            hu[None], (classes,), preset, np.random.default_rng(seed), spacing=(1, 1, 1.5), swaps=(None,)
        )
        assert image.tobytes() == again.tobytes()
        seen.add(image.tobytes())
    assert len(seen) > 5


def test_p1_turns_by_no_more_than_ten_degrees_and_stations_keep_their_quarter():
    assert max(P1.spatial.rotation_deg) == 10
    assert P1_STATIONS.spatial.turns == 0
    assert P1_STATIONS.spatial.flips == (0.5, 0, 0)
    assert P5.spatial.turns == 0.5


def test_p2_is_for_slices():
    image, (labels,) = augmented(
        np.ones((1, 30, 30), np.float32),
        (np.ones((30, 30), np.uint8),),
        P2,
        np.random.default_rng(1),
        spacing=(0.79, 0.79),
        swaps=(None,),
    )
    assert np.allclose(image, 1)
    assert set(np.unique(labels)) <= {1, IGNORE}


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
