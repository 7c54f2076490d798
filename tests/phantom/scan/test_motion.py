from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.inflow import add_inflow
from nodewise.phantom.scan.motion import add_motion, along_z, in_plane
from nodewise.phantom.scan.protocol import Protocol

STILL = Protocol(blur_mm=0.0, slice_mm=1.0, noise_hu=0.0, grain_mm=0.3)
SPACING = (1.0, 1.0, 2.0)


def _heart() -> tuple[np.ndarray, np.ndarray]:
    tissue = np.full((20, 100, 120), Tissue.LUNG, np.uint8)
    tissue[:12, 30:70, 30:70] = Tissue.HEART
    tissue[:12, 44:56, 100:110] = Tissue.VESSEL_ARTERY  # 30 mm from the heart
    return np.where(tissue == Tissue.LUNG, np.float32(-850), np.float32(40)), tissue


def test_a_still_heart_is_left_alone() -> None:
    image, tissue = _heart()
    np.testing.assert_array_equal(add_motion(image.copy(), tissue, SPACING, STILL, np.random.default_rng(0)), image)


def test_the_border_of_the_heart_smears_and_what_is_far_does_not() -> None:
    image, tissue = _heart()
    moved = add_motion(image.copy(), tissue, SPACING, replace(STILL, heart_mm=6.0), np.random.default_rng(0))
    soft = ((moved[6] > -800) & (moved[6] < 0)).sum(axis=1)
    assert soft[50] >= 4
    np.testing.assert_allclose(moved[6, 40:60, 96:114], image[6, 40:60, 96:114], atol=1)
    np.testing.assert_array_equal(moved[19], image[19])
    assert moved.sum() == pytest.approx(image.sum(), rel=0.01)


def test_a_doubled_border_has_a_step_halfway() -> None:
    image = np.zeros((1, 64, 64), np.float32)
    image[:, :, 32:] = 100
    doubled = in_plane(image, (1.0, 1.0, 1.0), (0.0, 6.0), True)[0, 32]
    np.testing.assert_allclose(doubled[[20, 32, 44]], [0, 50, 100], atol=6)
    np.testing.assert_allclose(doubled[30:34], 50, atol=12)
    smeared = in_plane(image, (1.0, 1.0, 1.0), (0.0, 6.0), False)[0, 32]
    expected = np.clip((np.arange(64) - 31.5) / 6 + 0.5, 0, 1) * 100
    np.testing.assert_allclose(smeared, expected, atol=7)


def test_breathing_averages_over_its_path() -> None:
    step = np.where(np.arange(30) < 15, 0.0, 1.0)
    np.testing.assert_allclose(along_z(30, 4.0, False) @ step, np.clip((np.arange(30) - 12.5) / 4, 0, 1), atol=1e-6)
    np.testing.assert_allclose((along_z(30, 6.0, True) @ step)[[5, 14, 15, 25]], [0, 0.5, 0.5, 1])


def test_the_dome_blurs_and_the_rest_does_not() -> None:
    tissue = np.full((30, 60, 60), Tissue.LUNG, np.uint8)
    tissue[:10, 10:50, 10:50] = Tissue.LIVER
    image = np.where(tissue == Tissue.LUNG, np.float32(-850), np.float32(60))
    moved = add_motion(image.copy(), tissue, (1.0, 1.0, 1.0), replace(STILL, dome_mm=6.0), np.random.default_rng(0))
    assert ((moved[:, 30, 30] > -800) & (moved[:, 30, 30] < 0)).sum() >= 4
    np.testing.assert_array_equal(moved[28], image[28])


def test_contrast_sinks_to_the_back_of_the_veins() -> None:
    tissue = np.zeros((6, 60, 60), np.uint8)
    tissue[:, 20:36, 20:36] = Tissue.VESSEL_VEIN
    image = np.where(tissue == Tissue.VESSEL_VEIN, np.float32(600), np.float32(0))
    layered = add_inflow(image.copy(), tissue, 600.0, 0.5, (1.0, 1.0, 1.0))
    assert layered[3, 34, 28] > 650 > 550 > layered[3, 21, 28]
    np.testing.assert_array_equal(layered[tissue == 0], 0)
    assert layered[tissue > 0].mean() == pytest.approx(600, rel=0.03)
    np.testing.assert_array_equal(add_inflow(image.copy(), tissue, 600.0, 0.0, (1.0, 1.0, 1.0)), image)
    np.testing.assert_array_equal(add_inflow(image.copy(), tissue, 150.0, 0.5, (1.0, 1.0, 1.0)), image)
