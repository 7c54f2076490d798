"""What can be HU and what cannot."""

import numpy as np
import pytest

from nodewise.io.hounsfield import require_hu
from nodewise.values.errors import BadInputError

rng = np.random.default_rng(0)
SHAPE = (20, 20, 20)


def crop(air_share: float, air: float = -1000.0) -> np.ndarray:
    hu = rng.normal(40, 30, SHAPE).astype(np.float32)
    hu[: round(20 * air_share)] = rng.normal(air, 20, (round(20 * air_share), 20, 20))
    return hu


@pytest.mark.parametrize("hu", [crop(0.5), crop(0.1), crop(0.9), crop(0.1, -850), crop(0.2).astype(np.int16)])
def test_bodies_are_accepted(hu):
    require_hu(hu, "x")


def test_a_body_with_all_its_air_at_the_padding_value_is_accepted():
    hu = crop(0.0)
    hu[:4] = -1024
    require_hu(hu, "x")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (rng.uniform(0, 1, SHAPE), "normalised"),
        (rng.uniform(-1, 1, SHAPE), "normalised"),
        (rng.integers(0, 256, SHAPE), "a mask, a label map or an 8-bit picture"),
        (rng.integers(0, 2, SHAPE), "a mask"),
        (np.zeros(SHAPE), "every voxel is the same"),
        (rng.integers(0, 900, SHAPE), "an MR, a PET, or a CT without its rescale intercept"),
        (np.maximum(crop(0.5) + 1024, 0), "rescale intercept"),
        (rng.normal(0, 30, SHAPE), "no air or lung"),
        (np.full(SHAPE, -1000.0), "nothing but air"),
        (crop(0.5).astype(np.int16).astype(np.uint16).astype(np.float32) - 1024, "16 bits"),
        (np.where(rng.uniform(size=SHAPE) < 0.001, np.nan, crop(0.5)), "not finite"),
        (np.where(rng.uniform(size=SHAPE) < 0.001, np.inf, crop(0.5)), "not finite"),
    ],
)
def test_what_is_no_ct_is_refused(values, reason):
    with pytest.raises(BadInputError, match=reason) as error:
        require_hu(np.asarray(values, dtype=np.float32), "scan.nii")
    assert str(error.value).startswith("scan.nii: ")


def test_a_lost_intercept_behind_padding_is_seen():
    stored = np.maximum(crop(0.3) + 1024, 0)
    stored[:2] = -2000
    with pytest.raises(BadInputError, match="rescale intercept not applied"):
        require_hu(stored, "x")
