"""Several runs held against each other: by hand, from tables, from predictions, and from the command line."""

import csv
import logging

import numpy as np
import pytest

from nodewise.cli.main import exit_code
from nodewise.evaluate.compare import compare
from nodewise.evaluate.runs import LARGER_IS_BETTER, Evaluation, read_configurations
from nodewise.io.itk import write_nifti
from nodewise.metrics.ranks import t_test
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

DICE = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.8}


def table(folder, dice, assd=None, **more):
    """An evaluation whose other figures are 0."""
    folder.mkdir(parents=True)
    with (folder / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["case", *LARGER_IS_BETTER])
        writer.writeheader()
        for case, value in dice.items():
            row = dict.fromkeys(LARGER_IS_BETTER, 0) | {"case": case, "dice": value}
            row["assd_lnq_mm"] = 4 - 2 * value if assd is None else assd[case]
            writer.writerow(row | {figure: values[case] for figure, values in more.items()})
    return folder


def moved(by):
    return {case: value + by for case, value in DICE.items()}


def compared(*paths, **how):
    return compare(read_configurations(paths, Evaluation()), **({"bootstraps": 100} | how))


def test_two_runs_by_hand(tmp_path):
    assd = {"a": 2.0, "b": "", "c": 3.0, "d": 1.0}
    one = table(tmp_path / "one", DICE, assd)
    two = table(tmp_path / "two", DICE | {"a": 0.9, "b": 0.5}, {"a": 1.0, "b": 5.0, "c": 3.0, "d": 1.5})
    found = compared(one, two)
    assert found.names == ("one", "two") and found.cases == ("a", "b", "c", "d")
    dice, distance = found.tests[:2]
    assert (dice.figure, dice.first, dice.second, dice.over) == ("dice", "one", "two", "cases")
    assert dice.paired.difference.value == pytest.approx(0.3 / 4)
    assert (dice.paired.larger, dice.paired.equal, dice.paired.smaller) == (1, 2, 1)
    assert dice.p == pytest.approx(t_test(np.array([0.9, 0.5, 0.7, 0.8]), np.array(list(DICE.values()))))
    assert (distance.figure, distance.paired.cases, distance.paired.undefined) == ("assd_lnq_mm", 3, 1)
    assert distance.p == pytest.approx(t_test(np.array([1, 5, 3, 1.5]), np.array([2, 3, 1]), "less"))
    assert found.means["one"]["assd_lnq_mm"].undefined == 1
    assert found.means["one"]["dice"].deviation == pytest.approx(np.std([0.5, 0.6, 0.7, 0.8], ddof=1))
    # Dice ranks: 2 1 1 1 and 1 2 1 1; ASSD ranks, where the missing one counts as the worst, 5: 2 1 1 1 and 1 1 1 2
    assert found.ranking.score.tolist() == pytest.approx([(2 + 1 + 1 + 1) / 4, (1 + 1.5 + 1 + 1.5) / 4])
    assert found.ranking.place.tolist() == [1, 1]


def test_several_trainings_of_a_configuration_are_tested_over_their_means_as_p3(tmp_path):
    for run, by in enumerate((0.0, 0.01, -0.01)):
        table(tmp_path / "plain" / f"run{run}", moved(by))
        table(tmp_path / "prior" / f"run{run}", moved(by + 0.05))
        table(tmp_path / "again" / f"run{run}", moved(by + 0.05))
    found = compared(tmp_path / "plain", tmp_path / "prior", tmp_path / "again")
    assert found.runs == (3, 3, 3)
    dice = {(t.first, t.second): t for t in found.tests if t.figure == "dice"}
    assert list(dice) == [("plain", "prior"), ("prior", "again")]
    means = 0.65 + np.array([0, 0.01, -0.01])
    assert dice["plain", "prior"].p == pytest.approx(t_test(means + 0.05, means))
    assert dice["plain", "prior"].over == "runs"
    assert dice["prior", "again"].p == pytest.approx(0.5)
    assert found.means["prior"]["dice"].value == pytest.approx(0.7)
    assert found.means["prior"]["dice"].deviation == pytest.approx(0.01)
    assert dice["plain", "prior"].paired.difference.low == pytest.approx(0.05)
    assert found.ranking.place.tolist() == [3, 1, 1]
    first = compared(*(tmp_path / n for n in ("plain", "prior", "again")), against="first")
    assert {(t.first, t.second) for t in first.tests} == {("plain", "prior"), ("plain", "again")}


def test_cases_that_a_run_lacks_are_left_out_and_said(tmp_path, caplog):
    one = table(tmp_path / "one", DICE)
    two = table(tmp_path / "two", {"b": 0.4, "c": 0.3, "e": 1.0})
    with caplog.at_level(logging.WARNING):
        found = compared(one, two)
    assert found.cases == ("b", "c")
    assert "a, d, e" in caplog.text
    with pytest.raises(BadInputError, match="no case is in all runs"):
        compared(one, table(tmp_path / "three", {"x": 0.4}))


def test_folders_of_one_name_are_told_apart(tmp_path):
    one, two = table(tmp_path / "x" / "run", DICE), table(tmp_path / "y" / "run", DICE)
    assert compared(one, two / "cases.csv").names == ("x/run", "y/run")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,dice\na,1\n", "has no column assd_lnq_mm"),
        (",".join(["case", *LARGER_IS_BETTER]) + "\n", "has no cases"),
        (",".join(["case", *LARGER_IS_BETTER]) + "\na" + ",x" * len(LARGER_IS_BETTER) + "\n", "line 2"),
        (",".join(["case", *LARGER_IS_BETTER]) + ("\na" + ",1" * len(LARGER_IS_BETTER)) * 2 + "\n", "a is there twice"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "cases.csv").write_text(text)
    with pytest.raises(BadInputError, match=words) as caught:
        read_configurations([tmp_path / "bad"], Evaluation())
    assert "\n" not in str(caught.value)


def test_what_cannot_be_compared_is_refused(tmp_path):
    one = table(tmp_path / "one", DICE)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadInputError, match="given twice"):
        compared(one, one)
    with pytest.raises(BadInputError, match="no such file"):
        compared(one, tmp_path / "lost")
    with pytest.raises(BadInputError, match="neither an evaluation"):
        compared(one, tmp_path / "nothing")
    with pytest.raises(BadInputError, match="at least two"):
        compared(one)
    assert exit_code(["compare", str(one)]) == 2


@pytest.fixture
def predictions(tmp_path):
    """Two nodes a case: the first run finds the one and half of the other, the second run both whole."""
    grid = Grid.of((24, 12, 8), (1.0, 1.0, 2.0))
    truth, half = np.zeros((2, *grid.shape), np.uint8)
    truth[2:6, 2:6, 2:5] = truth[12:16, 4:8, 2:5] = 1
    half[2:6, 2:6, 2:5] = half[12:14, 4:8, 2:5] = 1
    for folder, mask in (("truth", truth), ("half", half), ("whole", truth)):
        (tmp_path / folder).mkdir()
        for case in ("a", "b"):
            volume = Volume(np.asfortranarray(mask), grid, Quantity.LABEL)
            write_nifti(volume, tmp_path / folder / f"{case}.nii.gz")
    return tmp_path


def test_predictions_are_evaluated_against_the_truth(predictions, capsys):
    truth, half, whole, out = (predictions / name for name in ("truth", "half", "whole", "out"))
    assert exit_code(["compare", str(half), str(whole)]) == 2
    assert "--truth" in capsys.readouterr().err
    assert exit_code(["compare", str(half), str(whole), "--truth", str(truth), "-o", str(out)]) == 0
    assert "whole against half" in capsys.readouterr().out
    rows = {row["figure"]: row for row in csv.DictReader((out / "comparison.csv").open())}
    assert float(rows["dice"]["first_mean"]) == pytest.approx(2 * 72 / (96 + 72), abs=1e-5)
    assert float(rows["dice"]["second_mean"]) == 1
    assert float(rows["recall"]["difference"]) == pytest.approx(0.25)
    assert [row["place"] for row in csv.DictReader((out / "ranking.csv").open())] == ["2", "1"]
    assert len(list(csv.DictReader((out / "kendall.csv").open()))) == 1000
    paired = [row for row in csv.DictReader((out / "paired_cases.csv").open()) if row["figure"] == "dice"]
    assert [(row["case"], row["whole"]) for row in paired] == [("a", "1.0"), ("b", "1.0")]
    assert exit_code(["compare", str(half), str(whole), "--truth", str(truth), "-o", str(out)]) == 2


def test_files_are_read_as_evaluate_reads_them(predictions, capsys):
    truth, half, whole = (predictions / name for name in ("truth", "half", "whole"))
    array = np.full((24, 12, 8), -3, np.float32, order="F")
    array[2:6, 2:6, 2:5] = 2
    for case in ("a", "b"):
        write_nifti(Volume(array, Grid.of(array.shape, (1.0, 1.0, 2.0)), Quantity.LOGIT), half / f"{case}.nii.gz")
    words = ["compare", str(half), str(whole), "--truth", str(truth), "--bootstraps", "5"]
    assert exit_code(words) == 2
    assert "say --logits" in capsys.readouterr().err
    assert exit_code([*words, "--logits", "--connectivity", "6", "--truth-labels", "mask"]) == 0


def test_an_evaluation_says_the_same_as_its_predictions(predictions):
    truth, half, whole, made = (predictions / name for name in ("truth", "half", "whole", "made"))
    assert exit_code(["evaluate", str(truth), str(half), "-o", str(made)]) == 0
    here = Evaluation(truth)
    from_table, from_masks = (compare(read_configurations([p, whole], here), bootstraps=50) for p in (made, half))
    for one, other in zip(from_table.tests, from_masks.tests, strict=True):
        assert one.figure == other.figure
        assert one.paired.difference.value == pytest.approx(other.paired.difference.value, abs=1e-6, nan_ok=True)
    assert from_table.ranking.score.tolist() == from_masks.ranking.score.tolist()
