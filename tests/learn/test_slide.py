import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.learn.slide import MOST_WINDOWS, batch_for, gaussian_weights, mirrored, sliding_window

PATCH = (6, 8, 4)


def _image(shape, channels=2, seed=0):
    return np.random.default_rng(seed).random((channels, *shape), dtype=np.float32)


def _pointwise(x):
    return torch.stack((x[:, 0] ** 2, x[:, 0] - x[:, 1], x.sum(dim=1)), dim=1)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.8]),
    batch=st.integers(1, 5),
)
def test_a_pointwise_network_gives_what_it_gives_directly(shape, overlap, batch):
    image = _image(shape)
    found = sliding_window(_pointwise, image, PATCH, 3, overlap=overlap, batch=batch)
    np.testing.assert_allclose(found, _pointwise(torch.from_numpy(image)[None])[0].numpy(), rtol=1e-4, atol=1e-5)


def _reference(predict, image, patch, overlap):
    """Written another way: window after window in double precision, start positions by nnU-Net's formula."""
    starts = []
    for size, length in zip(image.shape[1:], patch, strict=True):
        number = int(np.ceil((size - length) / (length * (1 - overlap)))) + 1
        step = (size - length) / max(number - 1, 1)
        starts.append([int(np.round(step * i)) for i in range(number)])
    grids = np.meshgrid(*[np.arange(p) for p in patch], indexing="ij")
    exponent = sum(((g - (p - 1) / 2) / (p / 8)) ** 2 for g, p in zip(grids, patch, strict=True))
    weight = np.exp(-exponent / 2)
    weight = np.maximum(weight / weight.max(), 1e-6)
    total, amount = 0, np.zeros(image.shape[1:])
    for x, y, z in itertools.product(*starts):
        part = np.s_[x : x + patch[0], y : y + patch[1], z : z + patch[2]]
        answer = predict(torch.from_numpy(image[(slice(None), *part)].copy())[None])[0].double().numpy()
        placed = np.zeros((len(answer), *image.shape[1:]))
        placed[(slice(None), *part)] = answer * weight
        total = total + placed
        amount[part] += weight
    return total / amount


def test_equals_an_independent_implementation():
    torch.manual_seed(0)
    network = torch.nn.Conv3d(2, 2, 3, padding=1)  # its zero padding makes windows disagree at their borders
    image = _image((17, 13, 9))

    def predict(x):
        with torch.no_grad():
            return network(x)

    found = sliding_window(predict, image, PATCH, 2, batch=3)
    np.testing.assert_allclose(found, _reference(predict, image, PATCH, 0.5), rtol=1e-4, atol=1e-5)


def test_logits_are_averaged_and_go_through_one_sigmoid():
    torch.manual_seed(0)
    network = torch.nn.Conv3d(2, 1, 3, padding=1)
    network.weight.data *= 20  # probabilities near 0 and 1, of which the mean is something else
    image = _image((15, 16, 8))

    def predict(x):
        with torch.no_grad():
            return network(x)

    found = sliding_window(predict, image, PATCH, 1, batch=3, mask=np.ones(image.shape[1:], bool), sigmoid=True)
    expected = 1 / (1 + np.exp(-_reference(predict, image, PATCH, 0.5)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    probabilities = sliding_window(lambda x: predict(x).sigmoid(), image, PATCH, 1)
    assert np.abs(found - probabilities).max() > 0.02
    assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_a_voxel_in_no_window_has_the_probability_0(logit):
    mask = np.zeros((24, 8, 4), bool)
    mask[1, 1, 1] = True
    found = sliding_window(
        lambda x: torch.full((len(x), 1, *PATCH), logit), _image(mask.shape), PATCH, 1, mask=mask, sigmoid=True
    )
    np.testing.assert_allclose(found[0, :6], {-200.0: 0, 0.0: 0.5, 200.0: 1}[logit])
    assert not found[0, 6:].any()


def test_constant_answers_stay_constant():
    found = sliding_window(lambda x: torch.ones(len(x), 1, *PATCH), _image((19, 11, 23)), PATCH, 1, overlap=0.6)
    np.testing.assert_allclose(found, 1, rtol=1e-5)


def test_windows_without_a_true_voxel_are_not_computed():
    calls = []

    def predict(x):
        calls.append(len(x))
        return torch.ones(len(x), 1, *PATCH)

    mask = np.zeros((24, 8, 4), dtype=bool)
    mask[1, 1, 1] = True
    found = sliding_window(predict, _image(mask.shape), PATCH, 1, overlap=0, mask=mask)
    assert sum(calls) == 1
    assert (found[0, :6] == 1).all()
    assert (found[0, 6:] == 0).all()
    nothing = sliding_window(predict, _image(mask.shape), PATCH, 3, mask=np.zeros_like(mask))
    assert nothing.shape == (3, 24, 8, 4)
    assert not nothing.any()


@settings(max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 24)] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.8]),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.001, 0.01, 0.5]),
)
def test_every_wanted_voxel_is_answered(shape, overlap, seed, share):
    image, mask = _image(shape), np.random.default_rng(seed).random(shape) < share
    found = sliding_window(_pointwise, image, PATCH, 3, overlap=overlap, mask=mask)
    direct = _pointwise(torch.from_numpy(image)[None])[0].numpy()
    np.testing.assert_allclose(found[:, mask], direct[:, mask], rtol=1e-4, atol=1e-5)


def test_windows_lie_around_what_is_wanted():
    seen = []

    def predict(x):
        seen.extend(x[:, 0].numpy())
        return x[:, :1]

    image = np.arange(40, dtype=np.float32).reshape(1, 40, 1, 1) * np.ones((1, 1, 8, 4), np.float32)
    mask = np.zeros(image.shape[1:], bool)
    mask[20:22] = True
    sliding_window(predict, image, PATCH, 1, mask=mask)
    assert [window[:, 0, 0].tolist() for window in seen] == [[18, 19, 20, 21, 22, 23]]


def test_a_window_that_is_nearest_to_nothing_wanted_is_skipped():
    calls = []

    def predict(x):
        calls.append(len(x))
        return x[:, :1]

    mask = np.zeros((30, 8, 4), bool)
    mask[[0, 29]] = True
    sliding_window(predict, _image(mask.shape), PATCH, 1, overlap=0.5, mask=mask)
    assert sum(calls) == 2  # the outermost of nine; the two beside them hold no wanted voxel in their middle


def test_mirrored_windows_are_mirrored_back_and_averaged():
    def lopsided(x):
        return x[:, :1] * torch.arange(PATCH[0]).reshape(-1, 1, 1)

    image = _image(PATCH)
    found = sliding_window(mirrored(lopsided, (0,)), image, PATCH, 1)
    np.testing.assert_allclose(found[0], image[0] * (PATCH[0] - 1) / 2, rtol=1e-5)
    calls = []
    sliding_window(mirrored(lambda x: calls.append(1) or x[:, :1], (0, 1, 2)), image, PATCH, 1)
    assert len(calls) == 8


def test_the_batch_follows_from_free_memory():
    one = 6 * 4 * 32 * 96**3  # bytes of a window
    assert batch_for((96, 96, 96), 32, 0) == 1
    assert batch_for((96, 96, 96), 32, 6 * one) == 3
    assert batch_for((96, 96, 96), 32, 1000 * one) == MOST_WINDOWS


def test_a_small_volume_is_continued_by_its_edge():
    seen = []

    def predict(x):
        seen.append(x)
        return x[:, :1]

    image = np.full((1, 2, 8, 4), 7, dtype=np.float32)
    found = sliding_window(predict, image, PATCH, 1)
    assert (seen[0] == 7).all()
    np.testing.assert_allclose(found, image)


def test_weights_are_one_in_the_middle_and_symmetric():
    weight = gaussian_weights((5, 6, 7)).numpy()
    assert weight[2, 2, 3] == weight.max() == 1
    np.testing.assert_allclose(weight, weight[::-1, ::-1, ::-1], rtol=1e-6)
    assert weight.min() > 0


@pytest.mark.parametrize("wrong", [{"overlap": 1.0}, {"mask": np.ones((2, 2, 2), bool)}])
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match="overlap"):
        sliding_window(_pointwise, _image((8, 8, 8)), PATCH, 3, **wrong)
