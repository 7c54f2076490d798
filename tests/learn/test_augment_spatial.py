import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.learn.augment_spatial import Spatial, Transform, draw_transform, identity
from nodewise.learn.augment_take import check_swap, take_patch
from nodewise.learn.loss import IGNORE

SIDES = np.arange(256, dtype=np.uint8)
SIDES[[1, 2]] = 2, 1
SPACING = (1.0, 1.5, 2.5)


def _source(shape=(40, 36, 30), seed=0):
    rng = np.random.default_rng(seed)
    image = np.asfortranarray(ndimage.gaussian_filter(rng.standard_normal(shape), 2).astype(np.float32) * 10)
    labels = np.asfortranarray(rng.integers(0, 9, shape).astype(np.uint8))
    return image, labels


def _take(image, labels, transform, patch, centre=None, spacing=SPACING, swap=None, order=1):
    middle = [(n - 1) / 2 for n in image.shape] if centre is None else centre
    taken, (marked,) = take_patch(
        image[None], (labels,), middle, patch, transform, spacing=spacing, swaps=(swap,), order=order
    )
    assert (taken.dtype, taken.shape, marked.dtype, marked.shape) == (np.float32, (1, *patch), np.uint8, patch)
    return taken[0], marked


def _scipy(array, transform, patch, centre, spacing, order, shift=0):
    """The same by scipy, voxel by voxel of the whole array."""
    step = np.array(spacing)
    matrix = transform.matrix * step / step[:, None]
    offset = np.array(centre) + shift - matrix @ ((np.array(patch) - 1) / 2)
    return ndimage.affine_transform(array, matrix, offset, patch, order=order, mode="nearest")


def test_nothing_happens_by_default_and_the_identity_cuts_out():
    image, labels = _source()
    transform = draw_transform(Spatial(), (8, 6, 5), SPACING, np.random.default_rng(0))
    assert np.array_equal(transform.matrix, np.eye(3))
    a, b = _take(image, labels, transform, (8, 6, 5), centre=(3 + 3.5, 4 + 2.5, 5 + 2))
    assert np.array_equal(a, image[3:11, 4:10, 5:10])
    assert np.array_equal(b, labels[3:11, 4:10, 5:10])


@pytest.mark.parametrize("order", [1, 3])
def test_a_turned_scaled_and_moved_patch_is_what_scipy_makes_of_the_whole(order):
    image, labels = _source()
    limits = Spatial(rotation=1, scaling=1, magnification=(0.8, 1.2), shift=1, shift_mm=5, flips=(0.5, 0.5, 0.5))
    for seed in range(4):
        patch, centre = (15, 14, 9), (20.0, 17.5, 15.0)
        transform = draw_transform(limits, patch, SPACING, np.random.default_rng(seed))
        a, b = _take(image, labels, transform, patch, centre, order=order)
        shift = np.rint(transform.shift_mm / SPACING)
        expected = _scipy(image, transform, patch, centre, SPACING, order, shift)
        inside = b != IGNORE
        assert np.allclose(a[inside], expected[inside], atol=2e-3 if order == 1 else 2e-2)
        same = b == _scipy(labels, transform, patch, centre, SPACING, 0, shift)
        assert same[inside].mean() > 0.999  # but for ties


def test_angles_are_those_of_millimetres():
    # a rod along x, turned by 30° about z, rises as tan 30° in mm, however long the voxels are
    limits = Spatial(rotation=1, rotation_deg=(0, 0, 30))
    labels = np.zeros((81, 41, 5), np.uint8)
    labels[:, 19:22] = 1
    transform = draw_transform(limits, (61, 41, 5), (1, 3, 1), np.random.default_rng(1))
    angle = np.degrees(np.arctan2(transform.matrix[1, 0], transform.matrix[0, 0]))
    assert 5 < abs(angle) <= 30
    _, turned = _take(labels.astype(np.float32), labels, transform, (61, 41, 5), spacing=(1, 3, 1))
    x, y, _ = (np.nonzero(turned == 1)[i] * s for i, s in enumerate((1, 3, 1)))
    assert np.degrees(np.arctan(np.polyfit(x, y, 1)[0])) == pytest.approx(-angle, abs=2.5)


def test_limits_are_kept():
    limits = Spatial(rotation=1, rotation_deg=(10, 0, 0), scaling=1, magnification=(0.5, 2), shift=1, shift_mm=4)
    for seed in range(50):
        transform = draw_transform(limits, (8, 8, 8), (1, 1, 1), np.random.default_rng(seed))
        size = np.cbrt(np.linalg.det(transform.matrix))
        assert 0.5 <= size <= 2
        assert np.degrees(np.arccos((np.trace(transform.matrix / size) - 1) / 2)) <= 10 + 1e-6
        assert np.abs(transform.shift_mm).max() <= 4
        assert not transform.mirrored


def test_magnified_by_two_a_gaussian_is_twice_as_wide():
    square = ((np.indices((41, 41, 41)) - 20) ** 2).sum(axis=0)
    image = np.exp(-square / (2 * 4**2)).astype(np.float32)
    limits = Spatial(scaling=1, magnification=(2, 2))
    transform = draw_transform(limits, image.shape, (1, 1, 1), np.random.default_rng(0))
    larger, _ = _take(image, (image > 0.5).astype(np.uint8), transform, image.shape, spacing=(1, 1, 1))
    assert np.allclose(larger, np.exp(-square / (2 * 8**2)), atol=0.03)


@pytest.mark.parametrize("patch", [(10, 8, 6), (9, 8, 7)])
def test_flips_turns_and_shifts_copy_voxels_as_numpy_does(patch):
    image, labels = _source()
    for signs, turns in itertools.product(itertools.product((1, -1), repeat=3), range(4)):
        matrix = np.linalg.matrix_power(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), turns) @ np.diag(signs)
        wide = patch if turns % 2 == 0 else (patch[1], patch[0], patch[2])
        start = np.array((6, 7, 8))
        centre = start + (np.array(wide) - 1) / 2
        moved = Transform(matrix.astype(float), np.array([2.0, -3.0, 1.0]))
        a, b = _take(image, labels, moved, patch, centre, spacing=(1, 1, 1))
        box = tuple(slice(s, s + n) for s, n in zip(start + np.array([2, -3, 1]), wide, strict=True))
        expected = np.rot90(image[box], -turns, axes=(0, 1))
        expected = np.flip(expected, [i for i in range(3) if signs[i] < 0])
        assert np.array_equal(a, expected)
        found = np.flip(np.rot90(labels[box], -turns, axes=(0, 1)), [i for i in range(3) if signs[i] < 0])
        assert np.array_equal(b, found)


def test_voxels_that_are_copied_are_those_that_would_be_sampled():
    image, labels = _source()
    half = Transform(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, -1]]), np.zeros(3))
    bent = Transform(half.matrix, half.shift_mm, np.zeros((3, 5, 5, 5)), 20.0)  # deformed by nothing, so sampled
    a, b = _take(image, labels, half, (9, 9, 7), spacing=(1, 1, 1), centre=(20, 18, 15))
    c, d = _take(image, labels, bent, (9, 9, 7), spacing=(1, 1, 1), centre=(20, 18, 15))
    assert np.allclose(a, c, atol=1e-4)
    assert np.array_equal(b, d)


@pytest.mark.parametrize("bent", [False, True])
def test_outside_the_image_repeats_its_edge_and_is_ignored(bent):
    image, labels = _source((6, 5, 4))
    transform = identity(3)
    if bent:
        transform = Transform(transform.matrix, transform.shift_mm, np.zeros((3, 5, 5, 5)), 20.0)
    a, b = _take(image, labels, transform, (10, 9, 8), spacing=(1, 1, 1))
    assert np.allclose(a, np.pad(image, 2, mode="edge"), atol=1e-5)
    assert np.array_equal(b, np.pad(labels, 2, constant_values=IGNORE))


def test_the_deformation_is_that_of_a_cubic_b_spline():
    # linear coefficients make a linear displacement: B-splines reproduce lines
    image = np.broadcast_to(np.arange(64, dtype=np.float32)[:, None, None], (64, 32, 32))
    knots = np.zeros((3, 6, 5, 5))
    knots[0] = 0.5 * 10 * (np.arange(6) - 1)[:, None, None]  # 0.5 mm a mm, the first knot 10 mm before the patch
    a, _ = _take(
        image,
        image.astype(np.uint8),
        Transform(np.eye(3), np.zeros(3), knots, 10.0),
        (20, 20, 20),
        (20, 16, 16),
        (1, 1, 1),
    )
    x = np.arange(20)
    assert np.allclose(a[:, 10, 10], 20 - 9.5 + x + 0.5 * x, atol=1e-3)
    # one knot alone: 2/3 of it there, 1/6 one knot away, nothing from two on
    knots = np.zeros((3, 8, 5, 5))
    knots[0, 3] = 3.0
    a, _ = _take(
        image,
        image.astype(np.uint8),
        Transform(np.eye(3), np.zeros(3), knots, 10.0),
        (50, 20, 20),
        (31.5, 16, 16),
        (1, 1, 1),
    )
    assert np.allclose(
        (a[:, 0, 0] - (31.5 - 24.5) - np.arange(50))[[0, 10, 20, 30, 40]], [0, 0.5, 2, 0.5, 0], atol=1e-3
    )


def test_a_deformation_never_folds():
    ramps = np.indices((60, 60, 60)).astype(np.float32)
    limits = Spatial(elastic=1, elastic_mm=6.4, knots_mm=16)
    for seed in range(3):
        transform = draw_transform(limits, (40, 40, 40), (1, 1, 1), np.random.default_rng(seed))
        places, _ = take_patch(ramps, (), (29.5,) * 3, (40, 40, 40), transform, spacing=(1, 1, 1), swaps=())
        jacobian = np.stack([np.stack(np.gradient(p), -1) for p in places], -2)
        assert np.linalg.det(jacobian).min() > 0
        assert np.abs(places - ramps[:, 10:50, 10:50, 10:50]).max() > 1
    with pytest.raises(ValueError, match="fold"):
        Spatial(elastic_mm=7, knots_mm=16)


def _person(seed):
    """A body in LPS: image, and labels of head (3), front (4), the left side (1) and the right side (2)."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((21, 21, 21), np.uint8)
    labels[9:12, 9:12, 17:19] = 3  # superior is +z
    labels[9:12, 2:4, 9:12] = 4  # anterior is −y
    labels[14:17, 9:12, 9:12] = 1  # left is +x
    labels[4:7, 9:12, 9:12] = 2
    return rng.standard_normal(labels.shape).astype(np.float32), labels


def _left_of(labels):
    """The person's own left, from head and front: up × forward, in a right-handed grid."""
    middle = {label: np.argwhere(labels == label).mean(axis=0) - 10 for label in (1, 2, 3, 4)}
    return np.cross(middle[3], middle[4]), middle[1], middle[2]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    flips=st.tuples(*[st.sampled_from([0.0, 1.0])] * 3),
    turns=st.sampled_from([0.0, 1.0]),
    rotation=st.sampled_from([0.0, 1.0]),
)
def test_what_is_called_left_lies_on_the_left_of_the_person_shown(seed, flips, turns, rotation):
    image, labels = _person(seed)
    limits = Spatial(flips=flips, turns=turns, rotation=rotation, rotation_deg=(25, 25, 180))
    transform = draw_transform(limits, (21, 21, 21), (1, 1, 1), np.random.default_rng(seed))
    assert transform.mirrored == (sum(flips) % 2 == 1)
    _, shown = _take(image, labels, transform, (21, 21, 21), spacing=(1, 1, 1), swap=SIDES)
    left, called_left, called_right = _left_of(shown)
    assert called_left @ left > 0 > called_right @ left
    _, unnamed = _take(image, labels, transform, (21, 21, 21), spacing=(1, 1, 1), swap=None)
    assert np.array_equal(shown, SIDES[unnamed] if transform.mirrored else unnamed)


def test_a_half_turn_lays_the_left_on_the_other_side_of_the_picture_and_keeps_its_name():
    image, labels = _person(0)
    half = Transform(np.diag([-1.0, -1.0, 1.0]), np.zeros(3))
    _, shown = _take(image, labels, half, (21, 21, 21), spacing=(1, 1, 1), swap=SIDES)
    assert np.argwhere(shown == 1)[:, 0].mean() < 10 < np.argwhere(labels == 1)[:, 0].mean()
    assert np.array_equal(shown, labels[::-1, ::-1])


def test_mirroring_is_told_and_can_be_switched_off():
    assert Spatial(flips=(0, 0.1, 0)).mirrors
    assert not Spatial(flips=(0.5, 0.5, 0.5), turns=1).unmirrored().mirrors
    assert not Spatial(turns=1, rotation=1).mirrors


def test_in_two_dimensions():
    image, labels = _source((40, 36, 1))
    image, labels = image[..., 0], labels[..., 0]
    limits = Spatial(rotation=1, rotation_deg=(0, 0, 40), scaling=1, flips=(0.5, 0.5, 1), turns=1, elastic=0)
    for seed in range(5):
        transform = draw_transform(limits, (15, 12), (1, 1.5), np.random.default_rng(seed))
        taken, (marked,) = take_patch(
            image[None], (labels,), (20, 18), (15, 12), transform, spacing=(1, 1.5), swaps=(None,)
        )
        inside = marked != IGNORE
        expected = _scipy(image, transform, (15, 12), (20, 18), (1, 1.5), 1)
        assert np.allclose(taken[0][inside], expected[inside], atol=2e-3)
    bent = draw_transform(Spatial(elastic=1), (15, 12), (1, 1.5), np.random.default_rng(0))
    taken, _ = take_patch(image[None], (labels,), (20, 18), (15, 12), bent, spacing=(1, 1.5), swaps=(None,))
    assert taken.shape == (1, 15, 12)


def test_the_same_generator_takes_the_same_patch_bit_for_bit():
    image, labels = _source()
    limits = Spatial(rotation=1, scaling=1, elastic=1, shift=1, flips=(0.5, 0.5, 0.5), turns=0.5)
    patches = []
    for seed in (5, 5, 6):
        transform = draw_transform(limits, (16, 15, 12), SPACING, np.random.default_rng(seed))
        a, b = _take(image, labels, transform, (16, 15, 12))
        patches.append(a.tobytes() + b.tobytes())
    assert patches[0] == patches[1] != patches[2]


@pytest.mark.parametrize("kind", [np.int16, np.float16])
def test_only_the_part_that_is_needed_is_read_and_in_any_number(kind, tmp_path):
    image, labels = _source((60, 50, 40))
    np.save(tmp_path / "a.npy", image.astype(kind))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    transform = draw_transform(Spatial(rotation=1), (9, 9, 9), SPACING, np.random.default_rng(0))
    a, _ = _take(mapped, labels, transform, (9, 9, 9))
    b, _ = _take(mapped.astype(np.float32), labels, transform, (9, 9, 9))
    assert np.array_equal(a, b)


@pytest.mark.parametrize(
    "change",
    [{1: 2, 2: 3, 3: 1}, {IGNORE: 0}, {1: 2}],
)
def test_a_table_that_loses_a_side_is_refused(change):
    table = np.arange(256, dtype=np.uint8)
    check_swap(SIDES)
    for a, b in change.items():
        table[a] = b
    with pytest.raises(ValueError, match="side"):
        check_swap(table)
    image, labels = _source((4, 4, 4))
    with pytest.raises(ValueError, match="side"):
        _take(image, labels, identity(3), (2, 2, 2), swap=table)


def test_limits_without_sense_are_refused():
    with pytest.raises(ValueError, match="probabilities"):
        Spatial(rotation=1.5)
    with pytest.raises(ValueError, match="positive"):
        Spatial(magnification=(0, 2))
