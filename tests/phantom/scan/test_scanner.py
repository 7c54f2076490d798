from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nodewise.phantom.body import Body
from nodewise.phantom.geometry import Geometry, Tissue
from nodewise.phantom.scan.arrays import combined, finer
from nodewise.phantom.scan.framing import Framing
from nodewise.phantom.scan.noise import grain
from nodewise.phantom.scan.protocol import Protocol, draw_protocol
from nodewise.phantom.scan.scanner import acquire, scan
from nodewise.phantom.scan.slices import averages
from nodewise.phantom.scan.texture import draw_texture
from nodewise.phantom.scan.tissue import Appearance, Phase, draw_appearance
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume

QUIET = Protocol(blur_mm=0.0, slice_mm=1.0, noise_hu=0.0, grain_mm=0.3)


@pytest.fixture
def chest(chests: list[Body]) -> Body:
    return chests[1]


def plain(hu: dict[Tissue, float]) -> Appearance:
    """Tissues without texture."""
    table = np.zeros(len(Tissue), np.float32)
    for tissue, value in hu.items():
        table[tissue] = value
    none = np.zeros_like(table)
    return Appearance(Phase.NONE, table, none, none, 0.0, 0.0, 0.0)


def drawn(tissue: np.ndarray, spacing: Point = (1.0, 1.0, 1.0), share: np.ndarray | None = None) -> Geometry:
    tissue = np.asfortranarray(tissue, np.uint8)
    under = np.asfortranarray(np.zeros_like(tissue))
    share = np.full(tissue.shape, 255, np.uint8, order="F") if share is None else np.asfortranarray(share)
    grid = Grid.of(tissue.shape, spacing, (-10.0, 20.0, 30.0))  # type: ignore[arg-type]
    return Geometry(grid, tissue, under, share, np.zeros(tissue.shape, np.uint16, order="F"))


STEP = plain({Tissue.AIR_OUTSIDE: -1000, Tissue.FAT: -100, Tissue.MUSCLE: 0})


def test_densities_without_contrast(chest: Body) -> None:
    volume = scan(chest.geometry, np.random.default_rng(0), Phase.NONE, QUIET)
    assert volume.quantity is Quantity.HU
    assert volume.array.flags.f_contiguous
    for tissue, low, high in (
        (Tissue.AIR_OUTSIDE, -1010, -990),
        (Tissue.FAT, -125, -80),
        (Tissue.MUSCLE, 35, 70),
        (Tissue.LUNG, -915, -800),
        (Tissue.AIRWAY_LUMEN, -1010, -980),
        (Tissue.VESSEL_ARTERY, 28, 55),
        (Tissue.HEART_LEFT, 28, 55),
    ):
        pure = (chest.geometry.tissue == tissue) & (chest.geometry.share == 255)
        assert low < np.median(volume.array[pure]) < high, tissue


def test_same_generator_same_scan(chest: Body) -> None:
    a, b = (scan(chest.geometry, np.random.default_rng(5)).array for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, scan(chest.geometry, np.random.default_rng(6)).array)


def test_protocols_are_those_of_hospitals() -> None:
    protocols = [draw_protocol(np.random.default_rng(n)) for n in range(300)]
    assert {p.slice_mm for p in protocols} >= {0.6, 1.0, 3.0, 5.0}
    assert all(4 <= p.noise_hu <= 80 and p.pitch_mm <= p.slice_mm for p in protocols)
    assert any(p.pitch_mm < p.slice_mm for p in protocols)
    assert {p.padding for p in protocols} == {None, -1024, -2000, -3024}
    assert draw_protocol(np.random.default_rng(0), 2.0).slice_mm == 2.0


@pytest.mark.parametrize(("hollow", "grain_mm"), [(0.0, 0.8), (0.5, 0.5), (0.9, 0.7)])
def test_noise_has_the_deviation_and_the_correlation_asked_for(hollow: float, grain_mm: float) -> None:
    protocol = replace(QUIET, noise_hu=20.0, grain_mm=grain_mm, hollow=hollow)
    shape = (24, 128, 128)
    noise = 20 * grain(shape, (0.8, 0.8), protocol, np.random.default_rng(1), np.empty(0))
    assert noise.std() == pytest.approx(20, rel=0.02)
    # the autocorrelation of Gaussian-filtered white noise, less that of what the kernel takes out, both analytic
    g2, wide2 = grain_mm**2, 9 * grain_mm**2

    def expected(lag: float) -> float:
        terms = ((1.0, 2 * g2), (-2 * hollow, 2 * g2 + wide2), (hollow**2, 2 * g2 + 2 * wide2))
        return sum(a / s * np.exp(-(lag**2) / (2 * s)) for a, s in terms)

    for steps in (2, 4):
        measured = np.mean(noise[:, :, :-steps] * noise[:, :, steps:]) / noise.var()
        assert measured == pytest.approx(expected(0.8 * steps) / expected(0), abs=0.03)


def test_overlapping_slices_share_their_noise() -> None:
    protocol = replace(QUIET, noise_hu=1.0, slice_mm=2.0, increment_mm=1.0)
    noise = grain((60, 40, 40), (1.0, 1.0), protocol, np.random.default_rng(1), np.empty(0))
    assert noise.std() == pytest.approx(1, rel=0.03)
    assert np.mean(noise[:-1] * noise[1:]) == pytest.approx(0.5, abs=0.03)
    assert np.mean(noise[:-2] * noise[2:]) == pytest.approx(0.0, abs=0.03)


def test_noise_is_loudest_where_rays_pass_most_of_the_body() -> None:
    tissue = np.zeros((160, 100, 12), np.uint8)
    x, y = np.meshgrid(np.arange(160) - 80, np.arange(100) - 50, indexing="ij")
    tissue[(x / 70) ** 2 + (y / 42) ** 2 < 1] = Tissue.MUSCLE
    tissue[:, :, 6:][(x / 78) ** 2 + (y / 42) ** 2 < 1] = Tissue.MUSCLE
    geometry = drawn(tissue, (2.0, 2.0, 2.0))
    protocol = replace(QUIET, slice_mm=2.0, noise_hu=12.0, grain_mm=0.8, attenuation=0.5)
    hu, _ = acquire(geometry, np.random.default_rng(0), STEP, protocol)
    noise = np.where(tissue == Tissue.MUSCLE, hu.array, np.nan)
    assert np.sqrt(np.nanmean(noise**2)) == pytest.approx(12, rel=0.1)
    centre, edge = noise[70:90, 44:56], noise[14:20, 44:56]
    assert np.nanstd(centre) > 1.1 * np.nanstd(edge)
    assert np.nanstd(noise[:, :, 6:]) > np.nanstd(noise[:, :, :6])


def test_point_spread_of_an_edge() -> None:
    tissue = np.full((80, 24, 3), Tissue.FAT, np.uint8)
    tissue[40:] = Tissue.MUSCLE
    for blur, edge in ((1.0, 0.0), (0.9, 0.6)):
        geometry = drawn(tissue, (0.5, 0.5, 1.0))
        profile = scan_plain(geometry, replace(QUIET, blur_mm=blur, edge=edge)).array[:, 12, 1]
        line = np.diff(profile)
        if edge == 0:
            at = np.arange(79) * 0.5
            middle = (line * at).sum() / line.sum()
            width = np.sqrt((line * (at - middle) ** 2).sum() / line.sum())
            assert width == pytest.approx(blur, abs=0.02)
            assert -100.5 < profile.min() <= profile.max() < 0.5
        else:
            assert profile.max() > 4
            assert profile.min() < -104
        assert profile[[2, -3]] == pytest.approx([-100, 0], abs=0.6)


def scan_plain(geometry: Geometry, protocol: Protocol) -> Volume:
    return acquire(geometry, np.random.default_rng(0), STEP, protocol)[0]


def test_partial_volume_of_a_slab_is_exact() -> None:
    tissue = np.zeros((8, 8, 40), np.uint8)
    tissue[:, :, 15:18] = Tissue.MUSCLE  # 1.5 mm of water in air
    share = np.full(tissue.shape, 255, np.uint8)
    share[:, :, 17] = 51  # a fifth of it
    hu, framing = acquire(
        drawn(tissue, (1.0, 1.0, 0.5), share), np.random.default_rng(0), STEP, replace(QUIET, slice_mm=2.0)
    )
    assert hu.grid.spacing == pytest.approx((1.0, 1.0, 2.0))
    assert hu.array.shape == (8, 8, 10)
    # cells 12 to 15 and 16 to 19 make slices 3 and 4
    np.testing.assert_allclose(hu.array[4, 4, 2:6], [-1000, -750, -700, -1000], atol=0.01)
    assert hu.grid.origin == pytest.approx((-10.0, 20.0, 30.0 + 0.75))
    assert framing.labels(Volume(geometry_mask(tissue), drawn(tissue, (1.0, 1.0, 0.5)).grid, Quantity.MASK)).grid is (
        framing.grid
    )


def geometry_mask(tissue: np.ndarray) -> np.ndarray:
    return np.asfortranarray(tissue > 0)


@pytest.mark.parametrize(("thick", "pitch"), [(1.0, 1.0), (2.5, 2.5), (3.0, 1.5), (2.0, 5.0), (0.6, 0.6)])
def test_slices_are_averages_over_their_thickness(thick: float, pitch: float) -> None:
    fine = np.random.default_rng(0).random(30)  # cells of 1, each the same all over itself
    middles = 1.3 + np.arange(5) * pitch
    ends = np.concatenate([[0], np.cumsum(fine)])
    low, high = middles - thick / 2, middles + thick / 2
    integral = [np.interp([a + 0.5, b + 0.5], np.arange(31), ends) for a, b in zip(low, high, strict=True)]
    covered = [min(b + 0.5, 30) - max(a + 0.5, 0) for a, b in zip(low, high, strict=True)]
    expected = [(b - a) / c for (a, b), c in zip(integral, covered, strict=True)]
    np.testing.assert_allclose(averages(middles, thick, 30) @ fine, expected, rtol=1e-5)
    planes = middles.astype(np.float32)[:, None, None]
    back = finer(planes, 0, middles[0], pitch, 30)[:, 0, 0]
    np.testing.assert_allclose(back, np.clip(np.arange(30), middles[0], middles[-1]), rtol=1e-5)
    np.testing.assert_allclose(combined(np.eye(5, dtype=np.float32)[::2], planes), planes[::2])


def test_labels_lie_on_the_slices_they_belong_to() -> None:
    tissue = np.zeros((40, 30, 40), np.uint8)
    tissue[20:26, 10:14, 20:28] = Tissue.MUSCLE
    protocol = replace(QUIET, slice_mm=2.0, increment_mm=1.0, field_mm=24.0, field_offset_mm=(4.0, -3.0))
    geometry = drawn(tissue)
    hu, framing = acquire(geometry, np.random.default_rng(0), STEP, protocol)
    assert hu.array.shape[:2] == (24, 24)
    mask = framing.labels(Volume(geometry_mask(tissue), geometry.grid, Quantity.MASK))
    assert mask.grid.same_as(hu.grid)
    for volume, where in ((hu, hu.array > -200), (mask, mask.array)):
        centre = volume.grid.to_lps(np.argwhere(where).mean(axis=0))
        np.testing.assert_allclose(centre, geometry.grid.to_lps((22.5, 11.5, 23.5)), atol=0.51)


def test_overlapping_slices_of_two_layers_each_have_labels_of_their_own() -> None:
    """Each slice's middle lies between two layers: none may be told twice and none left out."""
    layers = np.asfortranarray(np.broadcast_to(np.arange(12, dtype=np.uint8), (2, 3, 12)))
    grid = drawn(np.zeros(layers.shape, np.uint8)).grid
    framing = Framing.of(grid, replace(QUIET, slice_mm=2.0, increment_mm=1.0))
    told = framing.labels(Volume(layers, grid, Quantity.LABEL)).array[0, 0]
    np.testing.assert_array_equal(told, np.arange(11))


@pytest.mark.parametrize(("thick", "pitch"), [(1.0, 1.0), (3.0, 3.0), (4.0, 2.0), (2.0, 5.0)])
def test_slices_lie_where_an_independent_resampler_puts_them(thick: float, pitch: float) -> None:
    """SimpleITK's mean over the thickness on the scan's own grid, cropped field included, is the scan."""
    import SimpleITK as sitk

    rng = np.random.default_rng(0)
    tissue = np.asarray(rng.random((14, 12, 20)) < 0.5, np.uint8) * np.uint8(Tissue.MUSCLE)
    geometry = drawn(tissue, (0.9, 1.1, 1.0))
    protocol = replace(QUIET, slice_mm=thick, increment_mm=pitch, field_mm=9.0, field_offset_mm=(1.8, -1.1))
    hu, _ = acquire(geometry, np.random.default_rng(0), STEP, protocol)
    image = sitk.GetImageFromArray(np.where(geometry.tissue.T == Tissue.MUSCLE, 0.0, -1000.0))
    image.SetSpacing(geometry.grid.spacing)
    image.SetOrigin(geometry.grid.origin)
    layers = int(thick)
    mean = np.zeros(hu.array.T.shape)
    for n in range(layers):
        origin = (*hu.grid.origin[:2], hu.grid.origin[2] + n - (layers - 1) / 2)
        mean += sitk.GetArrayFromImage(
            sitk.Resample(image, hu.grid.shape, sitk.Transform(), sitk.sitkNearestNeighbor, origin, hu.grid.spacing)
        )
    np.testing.assert_allclose(hu.array.T, mean / layers, atol=0.01)


def test_outside_the_circle_lies_padding() -> None:
    hu = scan_plain(drawn(np.zeros((50, 50, 4), np.uint8)), replace(QUIET, padding=-2000))
    assert (hu.array[0, 0] == -2000).all()
    assert (hu.array[25, 25] == -1000).all()
    assert (hu.array == -2000).mean() == pytest.approx(1 - np.pi / 4, abs=0.02)


def test_a_field_or_a_slice_that_is_too_large_is_refused() -> None:
    geometry = drawn(np.zeros((8, 8, 3), np.uint8))
    for wrong, match in (
        (replace(QUIET, slice_mm=5.0), "does not fit"),
        (replace(QUIET, field_mm=9.0), "does not fit"),
        (replace(QUIET, slice_mm=0.6), "draw it finer"),
    ):
        with pytest.raises(BadInputError, match=match):
            scan_plain(geometry, wrong)


def test_texture_has_unit_variance_and_its_scale() -> None:
    texture = draw_texture(12.0, (1.0, 1.0, 1.0), np.random.default_rng(0), np.empty(0))
    field = texture.slab(0, (100, 100, 100))
    np.testing.assert_array_equal(texture.slab(40, (60, 100, 100)), field[40:])
    assert field.std() == pytest.approx(1.0, abs=0.25)
    assert np.corrcoef(field[:-2].ravel(), field[2:].ravel())[0, 1] > 0.8
    assert abs(np.corrcoef(field[:-30].ravel(), field[30:].ravel())[0, 1]) < 0.25


def test_nodes_differ_from_one_another() -> None:
    tissue = np.zeros((60, 12, 12), np.uint8)
    nodes = np.zeros(tissue.shape, np.uint16, order="F")
    for i in range(5):
        tissue[12 * i + 2 : 12 * i + 10, 2:10, 2:10] = Tissue.NODE
        nodes[12 * i + 2 : 12 * i + 10, 2:10, 2:10] = i + 1
    g = drawn(tissue)
    look = replace(plain({Tissue.NODE: 40, Tissue.AIR_OUTSIDE: -1000}), node_spread=6.0)
    hu, _ = acquire(Geometry(g.grid, g.tissue, g.other, g.share, nodes), np.random.default_rng(0), look, QUIET)
    means = [hu.array[nodes == i].mean() for i in range(1, 6)]
    assert 2 < np.std(means) < 12
    assert draw_appearance(np.random.default_rng(0)).node_spread > 0


def test_a_protocol_says_what_it_is() -> None:
    facts = replace(QUIET, slice_mm=3.0, increment_mm=2.0, edge=0.5).facts
    assert (facts["slice_thickness_mm"], facts["slice_increment_mm"], facts["kernel"]) == (3.0, 2.0, "SHARP")
    assert replace(QUIET, slice_mm=3.0).facts["slice_increment_mm"] == 3.0
