"""``nodewise evaluate`` as typed."""

import json

import pytest

from nodewise.cli import main


def run(*words):
    return main.exit_code(["evaluate", *map(str, words)])


def test_without_a_folder_the_tables_are_printed_and_nothing_is_written(two_cases, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*two_cases) == 0
    printed = capsys.readouterr().out
    assert "> 10 mm" in printed and "67 %" in printed and "0.64" in printed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_everything(two_cases, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*two_cases, "-o", out, "--bootstraps", 20, "--threshold", 0.55, "--paper", "P3", "--paper", "P5") == 0
    content = json.loads((out / "summary.json").read_text())
    assert (content["threshold"], content["bootstraps"], content["n_cases"]) == (0.55, 20, 2)
    assert content["dice_mean"] == pytest.approx(0.32) and content["dice_mean_high"] == pytest.approx(0.64)
    assert {path.name for path in out.iterdir()} >= {"evaluation.html", "cases.csv", "nodes.csv"}
    printed = " ".join(capsys.readouterr().out.split())
    assert "P3, Table 4" in printed and "not comparable" in printed and "evaluation.html" in printed
    assert "P5 · Table 2" in (out / "evaluation.html").read_text()


def test_what_is_there_is_kept_unless_it_may_be_replaced(two_cases, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    assert run(*two_cases, "-o", out) == 2
    assert "already holds something" in capsys.readouterr().err
    assert run(*two_cases, "-o", out, "--overwrite", "--bootstraps", 0) == 0
    assert not (out / "mine.txt").exists()


def test_the_results_do_not_land_on_the_truth(two_cases, capsys):
    assert run(*two_cases, "-o", two_cases[0], "--overwrite") == 2
    assert "on top of" in capsys.readouterr().err


def test_a_csv_of_pairs(two_cases, tmp_path, capsys):
    rows = [f"{n},{two_cases[0] / n}.nii.gz,{two_cases[1] / n}.nii.gz,{k}" for k, n in enumerate("ab")]
    (tmp_path / "pairs.csv").write_text("\n".join(["name,truth,prediction,n_positive", *rows]))
    assert run(tmp_path / "pairs.csv", "-o", tmp_path / "out", "--bootstraps", 0) == 0
    content = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert content["dice_mean"] == pytest.approx(0.32)
    assert content["patient_auc_size"] == 0.0  # the larger prediction is in the negative patient
    assert "probability of malignancy" in content["notes"]["patient_auc"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("nowhere", "maps"), "no such file or folder"),
        (("truth", "truth/a.nii.gz", "--truth-labels", "classes"), "no prediction for b"),
        (("truth",), "a prediction for"),
        (("maps", "truth"), "holds fractions"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(two_cases, tmp_path, capsys, words, line):
    folder = two_cases[0].parent
    typed = [word if word.startswith("--") or word == "classes" else folder / word for word in words]
    assert run(*typed, "-o", tmp_path / "out") == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and "\n" not in printed and line in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--paper", "P6"), ("--threshold", "1.5"), ("--connectivity", "8")])
def test_an_option_out_of_range_is_bad_input(two_cases, option):
    assert run(*two_cases, *option) == 2
