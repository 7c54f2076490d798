"""``nodewise prepare`` as typed: what is on the screen, the exit codes, and that evaluate reads what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nodewise.cli import main


def nrrd(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), path)


def lnq_tree(root: Path) -> Path:
    """Three scans of LNQ2023, the last without labels."""
    for number, name in enumerate(("train/lnq2023-train-0001", "val/lnq2023-val-0002", "train/lnq2023-train-0003")):
        ct = np.full((8, 12, 14), -1000, np.int16)
        ct[1:-1, 2:-2, 2:-2] = 30 + number
        nrrd(root / f"{name}-ct.nrrd", ct)
        if number < 2:
            labels = np.zeros(ct.shape, np.uint8)
            labels[2:4, 4:7, 4:7] = 1
            nrrd(root / f"{name}-seg.nrrd", labels)
    return root


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_help_has_an_example_and_names_the_data_sets(capsys) -> None:
    assert main.exit_code(["prepare", "--help"]) == 0
    printed = said(capsys)
    assert "Example: nodewise prepare lnq2023" in printed and "totalsegmentator" in printed


def test_what_was_kept_and_what_was_not_is_on_the_screen(tmp_path: Path, capsys) -> None:
    root, out = lnq_tree(tmp_path / "in"), tmp_path / "data" / "lnq"
    assert main.exit_code(["prepare", "lnq2023", str(root), "-o", str(out)]) == 0
    printed = said(capsys)
    assert "2 cases (1 annotated in full, 1 in part) with 2 nodes" in printed
    assert "lnq2023-train-0003" in printed and "Left out: 1" in printed and "CC BY 4.0" in printed
    assert main.exit_code(["evaluate", str(out), str(out / "labels"), "-o", str(tmp_path / "judged")]) == 0
    summary = json.loads((tmp_path / "judged" / "summary.json").read_text(encoding="utf-8"))
    assert summary["n_cases"] == 2 and summary["n_nodes"] == 2


def test_only_some_cases(tmp_path: Path, capsys) -> None:
    root, out = lnq_tree(tmp_path / "in"), tmp_path / "out"
    assert main.exit_code(["prepare", "lnq2023", str(root), "-o", str(out), "--only", "*-val-*"]) == 0
    assert [path.name for path in (out / "images").iterdir()] == ["lnq2023-val-0002.nii.gz"]
    assert "Left out" not in said(capsys)
    assert main.exit_code(["prepare", "lnq2023", str(root), "-o", str(tmp_path / "other"), "--only", "ABD*"]) == 2
    assert "no case fits; the names are such as lnq2023-train-0001" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["brats", "IN"], "'brats' is not one of"),
        (["lnq2023", "nowhere"], "there is no such folder"),
        (["lynos", "IN"], "is not LyNoS"),
        (["nnunet", "IN"], "is not nnU-Net's raw data"),
    ],
)
def test_a_wrong_name_or_folder_is_one_line_and_code_2(tmp_path: Path, capsys, words: list[str], line: str) -> None:
    root = lnq_tree(tmp_path / "in")
    typed = [str(root) if word == "IN" else word for word in words]
    assert main.exit_code(["prepare", *typed, "-o", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err.strip()
    assert line in printed and "\n" not in printed
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_no_case_that_can_be_used_is_code_2_and_leaves_nothing(tmp_path: Path, capsys) -> None:
    root = tmp_path / "in"
    lnq_tree(root)
    for path in root.rglob("*-seg.nrrd"):
        path.write_bytes(b"NRRD0004\nnothing")
    assert main.exit_code(["prepare", "lnq2023", str(root), "-o", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert "none of 3 cases can be used" in printed.err and "may be damaged" in " ".join(printed.out.split())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_warning_of_a_file_stays_with_its_case(tmp_path: Path, capsys) -> None:
    root, out = lnq_tree(tmp_path / "in"), tmp_path / "out"
    scan = root / "val" / "lnq2023-val-0002-ct.nrrd"
    scan.write_bytes(scan.read_bytes().replace(b"space: left-posterior-superior", b"space dimension: 3"))
    assert main.exit_code(["prepare", "lnq2023", str(root), "-o", str(out)]) == 0
    assert "warnings on 1 of 2" in said(capsys)
    assert "has no space" in (out / "checked.csv").read_text(encoding="utf-8")
