import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from nodewise.learn.gin_ipa import P3, _spline, blend_map, gin, gin_ipa, ramp_up

SHAPES = [(2, 1, 40, 36, 28), (3, 1, 48, 40)]
both = pytest.mark.parametrize("shape", SHAPES)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _image(shape):
    return torch.rand(shape, generator=_generator(9))


@both
def test_shapes_are_kept_and_norms_too(shape):
    image = _image(shape)
    looked = gin(image, _generator())
    assert looked.shape == image.shape
    for a, b in zip(looked, image, strict=True):
        assert torch.linalg.vector_norm(a).item() == pytest.approx(torch.linalg.vector_norm(b).item(), rel=1e-4)
        assert not torch.allclose(a, b, atol=1e-2)


@both
def test_without_strength_an_image_stays_as_it_is(shape):
    image = _image(shape)
    torch.testing.assert_close(gin(image, _generator(), 0.0), image, rtol=1e-4, atol=1e-5)
    plain = gin_ipa(image, _generator(), 0.0)
    for a, b in zip(plain, image, strict=True):
        torch.testing.assert_close(a, (b - b.mean()) / b.std(correction=0), rtol=1e-3, atol=1e-3)


@both
def test_images_have_mean_0_and_spread_1_and_looks_of_their_own(shape):
    image = _image(shape)[:1].expand(shape).contiguous()
    looked = gin_ipa(image, _generator())
    assert looked.shape == image.shape
    for one in looked:
        assert one.mean().item() == pytest.approx(0, abs=1e-4)
        assert one.std(correction=0).item() == pytest.approx(1, abs=1e-3)
    assert not torch.allclose(looked[0], looked[1], atol=0.1)


@both
def test_an_image_may_keep_its_own_mean_and_spread(shape):
    image = 40 + 7 * _image(shape)
    looked = gin_ipa(image, _generator(), keep_scale=True)
    for a, b in zip(looked, image, strict=True):
        assert a.mean().item() == pytest.approx(b.mean().item(), rel=1e-4)
        assert a.std(correction=0).item() == pytest.approx(b.std(correction=0).item(), rel=1e-3)
        assert not torch.allclose(a, b, atol=0.5)
    torch.testing.assert_close(gin_ipa(image, _generator(), 0.0, keep_scale=True), image, rtol=1e-3, atol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_it_runs_on_a_gpu():
    image = _image(SHAPES[0]).cuda()
    looked = gin_ipa(image, torch.Generator("cuda").manual_seed(0))
    assert looked.device.type == "cuda"
    assert torch.isfinite(looked).all()


def test_the_same_generator_gives_the_same_look():
    image = _image(SHAPES[0])
    assert torch.equal(gin_ipa(image, _generator(3)), gin_ipa(image, _generator(3)))
    assert not torch.allclose(gin_ipa(image, _generator(3)), gin_ipa(image, _generator(4)))


@pytest.mark.parametrize("shape", [(96, 80, 64), (60, 50), (5, 7, 9), (1, 30, 30)])
def test_blending_maps_are_smooth_and_lie_between_0_and_1(shape):
    for seed in range(4):
        made = blend_map(shape, _generator(seed), torch.device("cpu"))
        assert made.shape == shape
        assert made.min() == 0
        assert made.max().item() == pytest.approx(1, abs=1e-3)
        for axis, n in enumerate(shape):
            if n >= P3.control_voxels:  # from least to largest takes about half the way between control points
                assert made.diff(dim=axis).abs().max() < 3 / P3.control_voxels


def test_the_spline_is_scipys():
    count, step = 50, 12.0
    weights = _spline(count, step, torch.device("cpu")).numpy()
    points = weights.shape[1]
    knots = (np.arange(points + 3) - 2.5) * step  # a quadratic basis function spans three steps about its point
    expected = np.stack([BSpline(knots, np.eye(points)[i], 2)(np.arange(count)) for i in range(points)], axis=1)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_it_rises_over_a_thousand_epochs():
    assert ramp_up(0) == pytest.approx(np.exp(-5))
    assert ramp_up(500) == pytest.approx(np.exp(-1.25))
    assert ramp_up(1000) == ramp_up(2000) == 1
    assert ramp_up(10, 20) == ramp_up(500)
