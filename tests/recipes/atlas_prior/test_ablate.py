"""The ablation on chests made by hand: every row trained, measured, tested and printed, and gone on with."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind

from nodewise.recipes.atlas_prior import ablate as module
from nodewise.recipes.atlas_prior.ablate import Ablation, ablate, rows_of
from nodewise.recipes.atlas_prior.effort import Effort
from nodewise.recipes.atlas_prior.measure import Measured, figures_of, measured, read_measured, write_measured
from nodewise.recipes.atlas_prior.table import ablation_tables, markdown
from nodewise.recipes.atlas_prior.way import ROWS, SIZES
from nodewise.values.errors import BadInputError

from .conftest import PLAIN

TINY = Effort(steps=1, size=SIZES["tiny"], device="cpu", workers=0)


def test_every_row_is_trained_and_printed_beside_the_papers(chests, tmp_path, monkeypatch):
    told = []
    plan = Ablation(TINY, runs=2, rows=("+ GIN, IPA", "+ PA-weighted loss"))
    rows = ablate(tmp_path, chests, plan, PLAIN, progress=lambda *what: told.append(what[0]))
    assert [row.name for row in rows] == [*plan.rows, "ensemble"]
    assert [row.against for row in rows] == ["", "+ GIN, IPA", ""]
    assert all(len(row.figures["plain"]["dice"]) == 2 for row in rows[:-1])
    assert {path.parent.parent.name for path in tmp_path.glob("row-*/run-*/model")} == {"row-5", "row-6"}
    third, fourth = ablation_tables(rows)
    assert [line.label for line in third.lines if not line.printed] == [f"this data: {row.name}" for row in rows]
    assert sum(line.printed for line in fourth.lines) == 7
    text = markdown((third, fourth))
    assert "0.6033" in text and "p, Dice" in text and "2 training runs" in text
    assert all(len(line.split("|")) == len(third.columns) + 3 for line in text.splitlines() if line.startswith("|"))

    def refuse(*_args, **_more):
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "train_prior", refuse)
    again = ablate(tmp_path, chests, plan, PLAIN)
    assert [_numbers(row) for row in again] == [_numbers(row) for row in rows]
    with pytest.raises(BadInputError, match="was begun with steps 1, not 2: use that or another folder"):
        ablate(tmp_path, chests, replace(plan, effort=replace(TINY, steps=2)), PLAIN)
    with pytest.raises(BadInputError, match="was begun with atlas built from the scans, not default"):
        ablate(tmp_path, chests, replace(plan, effort=replace(TINY, atlas=Path("default"))), PLAIN)
    assert any(what.startswith("measuring + GIN, IPA, run 2") for what in told)


def _numbers(row):
    return np.nan_to_num([row.figures[how][name] for how in row.figures for name in row.figures[how]], nan=-1).tolist()


def _run(name, value):
    return [
        Measured(f"{name}-{n}", how, value, 10 - value, 0.5, value / 2, 1, 3)
        for n in (1, 2)
        for how in ("plain", "post")
    ]


def test_rows_are_tested_as_the_paper_tests_them():
    runs = {
        "CT only": (0.30, 0.32, 0.31),
        "SM": (0.33, 0.30, 0.35),
        "DM, PA": (0.31, 0.34, 0.32),
        "+ oversampling, Tversky": (0.4, 0.42, 0.41),
    }
    rows = rows_of({name: [_run(name, value) for value in values] for name, values in runs.items()})
    assert [row.against for row in rows] == ["", "CT only", "CT only", "DM, PA"]
    for row, other in ((rows[1], "CT only"), (rows[2], "CT only"), (rows[3], "DM, PA")):
        greater = ttest_ind(runs[row.name], runs[other], alternative="greater").pvalue
        assert row.p["plain"]["dice"] == pytest.approx(greater)
        assert row.p["post"]["assd_mm"] == pytest.approx(greater)  # the less the better
    assert math.isnan(rows[1].p["plain"]["precision"])  # all alike


def test_figures_of_a_run_by_hand(tmp_path):
    cases = [
        Measured("a", "plain", 0.5, 4.0, 0.5, 0.5, 1, 1),
        Measured("b", "plain", 1.0, math.nan, math.nan, math.nan, 0, 0),
        Measured("c", "plain", 0.0, 8.0, 1.0, 0.25, 3, 5),
        Measured("a", "post", 0.9, 1.0, 1.0, 1.0, 2, 0),
    ]
    figures = figures_of(cases, "plain")
    assert figures == pytest.approx({"dice": 0.5, "assd_mm": 6, "precision": 0.75, "recall": 0.375, "ln_found": 0.4})
    write_measured(cases, tmp_path / "cases.csv")
    again = read_measured(tmp_path / "cases.csv")
    assert again[0] == cases[0] and math.isnan(again[1].assd_mm) and again[3].how == "post"


def test_one_answer_is_measured_as_in_evaluate():
    truth, mask = np.zeros((30, 30, 20), np.uint8), np.zeros((30, 30, 20), bool)
    truth[4:10, 4:10, 4:8], truth[20:24, 20:24, 10:14] = 1, 2
    mask[5:11, 4:10, 4:8] = True
    found = measured("a", "plain", truth, mask, (1.0, 1.0, 2.0))
    assert (found.found, found.missed) == (1, 1)
    assert found.recall == pytest.approx(5 * 24 / (6 * 24 + 64))
    assert found.precision == pytest.approx(5 / 6)
    assert found.dice == pytest.approx(2 * 120 / (144 + 144 + 64))


def test_what_cannot_be_measured_is_refused(chests, tmp_path):
    with pytest.raises(BadInputError, match="both to train on and to measure on"):
        ablate(tmp_path / "out", chests, Ablation(TINY), PLAIN, test=chests)
    assert not (tmp_path / "out").exists()


def test_rows_are_p3s():
    ways = list(ROWS.values())
    assert [way.channels for way in ways] == ["ct", "labels", "prior", "prior", "prior", "prior"]
    assert [way.oversample for way in ways] == [False, False, False, True, True, True]
    assert [way.gin_ipa for way in ways] == [False, False, False, False, True, True]
    assert [way.loss.tversky for way in ways] == [0, 0, 0, 0.5, 0.5, 0.5]
    assert [way.loss.form for way in ways] == ["none"] * 5 + ["weighted"]
    assert replace(ways[4], loss=ways[5].loss) == ways[5]
