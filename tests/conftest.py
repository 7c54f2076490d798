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
    from nodewise.learn.network import NetworkPlan, build_network
    from nodewise.models.bundle import save_bundle
    from nodewise.models.model_file import ModelFile, StepFile
    from nodewise.models.plan_file import describe_plan
    from nodewise.models.preparation import Preparation
    from nodewise.models.preparation_file import describe_preparation

    plan = NetworkPlan(in_channels=2, heads=(1,), channels=(4, 4), blocks=(1, 1), fold=(2, 2, 2))
    nodes = StepFile(
        kind="unet",
        plan=describe_plan(plan),
        preparation=describe_preparation(Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0), (-1000.0, 600.0)))),
        patch=(96, 96, 64),
        outputs=("node",),
        threshold=1.0,
    )
    model = ModelFile(
        name="blind",
        recipe="three_step",
        steps={"nodes": nodes},
        minimum_short_axis_mm=4.0,
        trained_on="nothing",
        licence="Apache-2.0",
    )
    weights = {"nodes": [build_network(plan, 0).state_dict()]}
    return save_bundle(tmp_path_factory.mktemp("model") / "blind", model, weights, "# blind\n").folder
