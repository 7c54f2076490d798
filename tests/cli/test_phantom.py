"""``nodewise phantom``: what it writes, what it refuses in one line, and a stop that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nodewise.cli.main import exit_code
from nodewise.io.folder import read_study
from nodewise.io.itk import read_labels
from nodewise.io.pet import read_pet
from nodewise.io.truthfile import read_truth

COARSE = ("--spacing", "5", "5", "8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms") / "out"
    asked = ["--seed", "11", "--pet", "--format", "dicom", "--phase", "venous", *COARSE, "--jobs", "1"]
    assert exit_code(["phantom", str(out), *asked]) == 0
    return out


def test_a_patient_with_pet_is_written(made: Path) -> None:
    truth = read_truth(made / "truth" / "phantom-0011" / "truth.json")
    assert (truth.region, truth.seed, truth.contrast) == ("chest", 11, True)
    assert truth.made["spacing_mm"] == "5 × 5 × 8" and truth.pet is not None
    scan = made / "images" / "phantom-0011"
    assert read_study(scan).ct.grid.spacing == pytest.approx((5, 5, 8))
    assert all(n.uptake is not None for n in truth.nodes)
    if "aorta" in truth.organs:
        organs = read_labels(made / "truth" / "phantom-0011" / "organs.nii.gz").array
        assert read_study(scan).ct.array[organs == truth.organs["aorta"]].mean() > 80  # venous, as asked
    assert read_pet(scan).array.max() > 3


def test_the_header_says_what_the_truth_says(made: Path) -> None:
    """Dose, weight and time of the truth are those by which the written Bq/ml become SUV."""
    import pydicom

    from nodewise.io.suv import injection_of

    known = read_truth(made / "truth" / "phantom-0011" / "truth.json").pet
    paths = (made / "images" / "phantom-0011" / "pet").glob("*.dcm")
    found = injection_of([pydicom.dcmread(p, stop_before_pixels=True) for p in paths], "x")
    assert (found.dose_bq, found.weight_kg) == (known.dose_bq, known.weight_kg)
    assert found.seconds_to_scan == pytest.approx(known.seconds_to_scan)


def test_every_slice_conforms(made: Path, dciodvfy: str) -> None:
    """CT and PET as the command writes them pass the validator without an error or a warning."""
    scan = made / "images" / "phantom-0011"
    for path in sorted(scan.rglob("*.dcm"))[::12]:
        said = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False)
        lines = (said.stdout + said.stderr).split("\n")
        assert [line for line in lines if line.strip() and line not in ("CTImage", "PETImage")] == []


def test_again_keeps_what_is_there(made: Path) -> None:
    path = made / "truth" / "phantom-0011" / "truth.json"
    before = path.stat().st_mtime_ns
    asked = ["--seed", "11", "--pet", "--format", "dicom", "--phase", "venous", *COARSE]
    assert exit_code(["phantom", str(made), *asked]) == 0
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--spacing", "0", "1", "1"], "each side is 0.4 to 10 mm"),
        (["--spacing", "1", "1", "nan"], "each side is 0.4 to 10 mm"),
        (["--spacing", "1", "1", "-2"], "each side is 0.4 to 10 mm"),
        (["--slice", "inf"], "0.4 to 10 mm thick"),
        (["--slice", "100"], "slices of 100 mm cannot be"),
        (["--slice", "2", "--varied"], "leave --spacing and --slice out"),
        (["--into", "nowhere"], "nowhere: there is no such file or folder"),
        (["--paste", "poisson"], "name the scan to put them into (--into CT)"),
        (["--within", "m.nii.gz"], "--within is of implants"),
        (["--no-controls"], "--no-controls is of implants"),
        (["--into", "scan.nii.gz", "--pet"], "--pet is of drawn patients"),
        (["--into", "scan.nii.gz", "--region", "neck"], "--region is of drawn patients"),
        (["--into", "scan.nii.gz", "--spacing", "1", "1", "1"], "--spacing is of drawn patients"),
        (["--into", "scan.nii.gz", "--annotation", "noisy"], "--annotation is of drawn patients"),
        (["--hard", "elbow"], "no hard patient is called elbow: choose among effusion"),
        (["--hard", "effusion", "--region", "neck"], "drawn in the chest only, not in the neck"),
        (["--hard", "few_nodes", "--hard", "no_nodes"], "few_nodes and no_nodes at once"),
        (["--region", "neck", "--annotation", "station"], "histology by station is of the chest"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(asked: list[str], why: str, tmp_path: Path, capsys) -> None:
    assert exit_code(["phantom", str(tmp_path / "out"), *asked]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and why in printed and "\n" not in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--region", "--phase", "--format", "--annotation", "--jobs", "--patients"])
def test_no_such_choice(option: str, tmp_path: Path, capsys) -> None:
    assert exit_code(["phantom", str(tmp_path / "out"), option, "elbow"]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and option in printed and "nvalid" in printed and "\n" not in printed
    assert not (tmp_path / "out").exists()


def test_other_settings_are_not_mixed_in(made: Path, capsys) -> None:
    assert exit_code(["phantom", str(made), "--seed", "11", *COARSE]) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_a_stop_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Stopped while two processes write, as Ctrl-C does it: to the whole group."""
    code = "from nodewise.cli.main import run; run()"
    asked = ["phantom", str(tmp_path / "out"), "--patients", "40", "--jobs", "2", *COARSE]
    command = subprocess.Popen(
        [sys.executable, "-c", code, *asked], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    truth = tmp_path / "out" / "truth"
    until = time.monotonic() + 90
    while not list(truth.glob(".*.writing")) and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(command.pid, signal.SIGINT)
    _, printed = command.communicate(timeout=60)
    assert command.returncode == 128 + signal.SIGINT
    assert printed.strip() == "stopped: what was not finished has been removed"
    assert not list((tmp_path / "out").rglob(".*"))
    names = {p.name for p in truth.glob("*")}  # none where the stop came before the first was whole
    assert len(names) < 40
    for name in names:
        assert np.isfinite([n.mean_hu for n in read_truth(truth / name / "truth.json").nodes]).all()
        assert (tmp_path / "out" / "images" / f"{name}.nii.gz").is_file()


def test_implants_are_asked_for_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple] = []
    for name in ("scan.nii.gz", "mask.nii.gz"):
        (tmp_path / name).touch()
    monkeypatch.setattr("nodewise.phantom.implant.write_implanted", lambda *a, **k: asked.append((a, k)))
    scan, mask, out = (tmp_path / name for name in ("scan.nii.gz", "mask.nii.gz", "out"))
    typed = ["--into", str(scan), "--within", str(mask), "--paste", "poisson", "--no-controls", "--patients", "3"]
    assert exit_code(["phantom", str(out), *typed, "--seed", "5", "--format", "dicom", "--jobs", "2"]) == 0
    assert asked[0][0] == (out, scan, 3, 5)
    how = {"paste": "poisson", "negatives": False, "fmt": "dicom", "region": mask, "processes": 2}
    assert how.items() <= asked[0][1].items() and callable(asked[0][1]["progress"])


def test_a_scan_is_not_overwritten_by_its_implants(tmp_path: Path, capsys) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"precious")
    assert exit_code(["phantom", str(tmp_path), "--into", str(scan)]) == 2
    assert "on top of" in capsys.readouterr().err and scan.read_bytes() == b"precious"


def test_implants_do_not_lie_among_the_scans(tmp_path: Path, capsys) -> None:
    assert exit_code(["phantom", str(tmp_path / "out"), "--into", str(tmp_path)]) == 2
    assert "among the scans" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_nothing_is_left_where_no_copy_could_be_made(tmp_path: Path, capsys) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(b"no scan")
    assert exit_code(["phantom", str(tmp_path / "out"), "--into", str(tmp_path / "scan.nii.gz")]) == 2
    assert "\n" not in capsys.readouterr().err.strip() and not (tmp_path / "out").exists()


def test_every_way_to_paste_can_be_asked_for() -> None:
    from nodewise.cli.phantom import PasteChoice
    from nodewise.phantom.implant import PasteMethod

    assert {choice.value for choice in PasteChoice} == {method.value for method in PasteMethod}


def test_every_kind_of_hard_patient_is_named_in_the_help(capsys) -> None:
    from nodewise.phantom.chest.hard import Hard

    assert exit_code(["phantom", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.replace("│", "").split())
    assert all(kind.value in shown for kind in Hard)
