"""Fixtures that many rooms share."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from nodewise.phantom.patient import Phantom

settings.register_profile("nodewise", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("nodewise")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real CTs beside the project; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real CTs in {SHARED_DATA}, which are not part of the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def dciodvfy() -> str:
    """The DICOM validator of dicom3tools; tests that need it are skipped where it is missing, never in CI."""
    found = shutil.which("dciodvfy")
    if found is None:
        if os.environ.get("REQUIRE_TOOLS"):
            pytest.fail("dciodvfy is missing: apt-get install dicom3tools")
        pytest.skip("needs dciodvfy: apt-get install dicom3tools")
    return found


@pytest.fixture(scope="session")
def patient() -> Phantom:
    """A whole phantom patient on a coarse grid, quick enough for a test."""
    from nodewise.phantom.patient import make_patient

    return make_patient(7, (1.6, 1.6, 3.0))


@pytest.fixture(scope="session")
def pet_patient() -> Phantom:
    """A coarser one with PET."""
    from nodewise.phantom.patient import make_patient

    return make_patient(7, (2.5, 2.5, 4.0), pet=True)


@pytest.fixture(scope="session")
def written_patient(patient: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same patient on disk: ``images/phantom-0007`` (DICOM) and ``truth/phantom-0007``."""
    from nodewise.phantom.write import write_patient

    folder = tmp_path_factory.mktemp("phantom")
    write_patient(folder, 7, patient, "dicom")
    return folder


@pytest.fixture(scope="session")
def blind_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that finds nothing, quickly: never trained, with a threshold that no voxel reaches."""
    from nodewise.learn.first_network import NetworkPlan, build_network
    from nodewise.models.first_bundle import ModelFile, describe_network, describe_preparation, save_bundle
    from nodewise.recipes.three_step import PREPARATION

    plan = NetworkPlan(in_channels=2, out_channels=2, channels=(4, 4), blocks=(1, 1))
    model = ModelFile(
        name="blind",
        recipe="three_step",
        preparation=describe_preparation(PREPARATION),
        network=describe_network(plan),
        patch=(96, 96, 64),
        classes=("other", "node"),
        threshold=1.0,
        minimum_short_axis_mm=4.0,
        trained_on="nothing",
        data_fingerprint="",
        steps=0,
        seed=0,
        versions={},
        licence="Apache-2.0",
        metrics={},
    )
    weights = build_network(plan, 0).state_dict()
    return save_bundle(tmp_path_factory.mktemp("model"), model, weights, "# blind\n").folder
