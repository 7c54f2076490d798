"""Plans beside those that nnU-Net makes of the same fingerprints (tests/golden/nnunet/make_plans.py)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nodewise.learn.network import build_network
from nodewise.learn.planner import PLAIN, RESIDUAL, Budget, Fingerprint, features_of, levels_of, plan_training

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "nnunet" / "plans.json").read_text())


def _fingerprint(kind):
    known = GOLDEN[kind]["fingerprint"]
    return Fingerprint(tuple(map(tuple, known["spacings"])), tuple(map(tuple, known["shapes_after_crop"])))


@pytest.mark.parametrize("kind", list(GOLDEN))
@pytest.mark.parametrize(("name", "budget"), [("residual", RESIDUAL), ("plain", PLAIN)])
def test_plans_are_nnunets(kind, name, budget):
    wanted = GOLDEN[kind][name]
    planned = plan_training(_fingerprint(kind), GOLDEN[kind]["in_channels"], GOLDEN[kind]["outputs"], budget)

    def turned(numbers):
        return [numbers[a] for a in wanted["transpose"]]

    assert turned(planned.spacing_mm) == pytest.approx(wanted["spacing"])
    assert turned(planned.median_shape) == pytest.approx(wanted["median_shape"])
    assert turned(planned.patch) == wanted["patch"]
    assert planned.batch == wanted["batch"]
    assert list(planned.network.channels) == wanted["channels"]
    assert list(planned.network.blocks) == wanted["blocks"]
    assert [turned(k) for k in planned.network.kernels] == wanted["kernels"]
    assert [turned(s) for s in planned.network.strides] == wanted["strides"]


def test_a_smaller_budget_gives_a_smaller_patch_that_its_network_takes():
    known = Fingerprint(((3.0, 3.0, 3.0),), ((60, 50, 40),))
    small = Budget(6e6, channels=8, blocks=(1, 1, 1))
    planned = plan_training(known, 1, 2, small)
    assert features_of(planned.network, planned.patch) <= 6e6
    assert all(p % d == 0 for p, d in zip(planned.patch, planned.network.divisor, strict=True))
    assert planned.network.channels[0] == 8
    build_network(planned.network, 0)
    larger = plan_training(known, 1, 2, replace(small, features=60e6))
    assert sum(larger.patch) > sum(planned.patch)


def test_a_spacing_that_is_given_is_planned_with():
    known = Fingerprint(((1.0, 1.0, 1.0),), ((96, 80, 64),))
    planned = plan_training(known, 1, 2, Budget(6e6, channels=8, blocks=(1, 1, 1)), (2.0, 2.0, 2.0))
    assert planned.spacing_mm == (2.0, 2.0, 2.0)
    assert planned.median_shape == (48, 40, 32)


def test_a_coarse_axis_is_halved_later_and_its_kernels_are_1_until_then():
    levels = levels_of((4.0, 1.0, 1.0), (32, 128, 128))
    assert levels.strides[:4] == ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2))
    assert levels.kernels[:3] == ((1, 3, 3), (1, 3, 3), (3, 3, 3))


def test_memory_scales_with_the_gpu():
    assert RESIDUAL.scaled(16).features == 2 * RESIDUAL.features
