"""The page, the pictures and the papers' tables: what they must hold."""

import base64
import html.parser
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.crop import crop_of, picture
from nodewise.evaluate.figures import Bar, Curve, bar_plot, line_plot, step_plot
from nodewise.evaluate.page import page
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.papers import printed
from nodewise.evaluate.papers.choose import tables_of
from nodewise.evaluate.papers.table import NO_VALUE
from nodewise.evaluate.run import evaluate_pairs
from nodewise.io.itk import write_nifti
from nodewise.values.box import Box
from nodewise.values.volume import Quantity, Volume

MADE = {"nodewise_version": "0", "threshold": 0.5}
PAPERS = ("P1", "P2", "P3", "P4", "P5")


class Outline(html.parser.HTMLParser):
    """Checks that every tag is closed in its order."""

    empty = frozenset({"meta", "br", "img", "link", "input", "wbr"})

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href", "xlink:href")]
        if tag not in self.empty:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text):
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    return outline


@pytest.fixture(scope="module")
def cohort(two_cases):
    return summarize(evaluate_pairs(find_pairs(*two_cases)), bootstraps=20)


def test_the_page_is_whole_and_stands_alone(cohort):
    tables = [table for paper in PAPERS for table in tables_of(paper, cohort)]
    text = page(cohort, MADE, tables)
    outline = read(text)
    assert all(a.startswith(("data:image/jpeg;base64,", "#")) for a in outline.addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/)", text) and "<script" not in text
    for words in ("Research use only. Not for diagnosis.", "FROC by short axis", "Recall by size", "Operating points",
                  "chosen: as predicted", "The largest nodes missed", "The largest false positives", "Each case",
                  "on its own data: not comparable", "no true node has a known station",
                  "avg_<wbr>recall_<wbr>d10"):  # fmt: skip
        assert words in text, words
    assert text.count("no CT") == 3  # one node missed, two false
    assert text == page(cohort, MADE, tables)


def test_a_cohort_without_nodes_has_a_page_too(tmp_path, drawn):
    drawn.mask(tmp_path / "t.nii.gz")
    text = page(summarize(evaluate_pairs(find_pairs(tmp_path / "t.nii.gz", tmp_path / "t.nii.gz"))), MADE)
    read(text)
    assert "There is no true node" in text and "no intervals" in text


def test_names_are_escaped(tmp_path, drawn):
    drawn.mask(tmp_path / "<b>x & y.nii.gz", (0, 3))
    text = page(summarize(evaluate_pairs(find_pairs(tmp_path, tmp_path))), MADE)
    read(text)
    assert "&lt;b&gt;x &amp; y" in text and "<b>x" not in text


def test_a_picture_shows_the_ct_and_both_outlines(drawn):
    """A bright CT with a dark square, its node drawn on it: outline and grey values at the right places."""
    labels = drawn.array({1: (10, 6)}, np.uint8)
    truth = Volume(labels, drawn.grid, Quantity.LABEL)
    none = Volume(np.zeros_like(labels), drawn.grid, Quantity.LABEL)
    hu = np.where(labels > 0, -200.0, 300.0).astype(np.float32)
    crop = crop_of("missed", 1, 6.0, Box((10, 2, 2), (16, 6, 6)), truth, none)
    shown = picture(crop, Volume(hu, drawn.grid, Quantity.HU))
    assert (shown.width_mm, shown.height_mm, shown.has_ct, shown.prediction) == (40, 12, True, "")
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", shown.truth), dtype=float)
    assert points.min(axis=0).tolist() == [10, 2] and points.max(axis=0).tolist() == [16, 6]
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.image.split(",")[1]))))
    per_mm = grey.shape[1] / 40
    assert grey[int(4 * per_mm), int(13 * per_mm)] < 40 and grey[int(4 * per_mm), int(30 * per_mm)] > 215
    assert not picture(crop, None).has_ct


def test_pictures_take_the_ct_beside_them_on_any_grid(two_cases, tmp_path, drawn):
    images = tmp_path / "images"
    images.mkdir()
    big = drawn.grid.resampled((2.0, 1.0, 1.0))
    rng = np.random.default_rng(0)
    hu = np.asfortranarray(rng.normal(40, 20, big.shape).round(), np.float32)
    hu[0] = -1000
    write_nifti(Volume(hu, big, Quantity.HU), images / "a_0000.nii.gz")
    (images / "b.nii.gz").write_bytes(b"not an image")
    text = page(summarize(evaluate_pairs(find_pairs(*two_cases, images=images)), bootstraps=0), MADE)
    assert text.count("no CT") == 1


def test_curves_are_the_same_every_time_and_take_the_pages_ink():
    x = np.array([0.0, 1.0, 2.0])
    curve = Curve("a", x, x / 2, (x, x / 3, x / 2), (1.0, 0.5))
    for draw in (
        lambda: step_plot([curve], "x", "y", 2.0),
        lambda: line_plot([curve], "x", "y", diagonal=True),
        lambda: bar_plot([Bar("small", 0.5, 4, 0.2, 0.7), Bar("large", None, 0)], "x", "y"),
    ):
        text = draw()
        assert text == draw()
        read(text)
        assert "currentColor" in text and "#16202a" not in text and "<metadata" not in text


def test_confusion_says_how_much_of_each_row_is_right(tmp_path, drawn):
    from nodewise.evaluate.curves import confusions

    boxes = {1: (0, 6), 2: (10, 4), 3: (20, 2)}
    drawn.truth(tmp_path / "t", boxes, [(1, 9, "4R", None), (2, 9, "4R", None), (3, 9, "7", None)])
    names = [(1, 9, "4R", None, 0.2, 0.5), (2, 9, "10R", None, 0.2, 0.5), (3, 9, "7R", None, 0.2, 0.5)]
    drawn.assessment(tmp_path / "p", boxes, names)
    stations, eighth, ninth = confusions(evaluate_pairs(find_pairs(tmp_path / "t", tmp_path / "p")))
    assert (stations.rows, stations.columns) == (("4R", "7"), ("4R", "10R", "7R"))
    assert stations.counts == ((1, 1, 0), (0, 0, 1))
    assert [stations.sensitivity(row) for row in (0, 1)] == [0.5, 1.0]
    assert [stations.specificity(row) for row in (0, 1)] == [1.0, 1.0]
    assert (eighth.specificity(0), ninth.specificity(0)) == (0.0, 1.0)
    assert eighth.counts[2] == (1, 0, 0, 0) and eighth.sensitivity(0) is None
    assert ninth.rows == ("N0", "N1", "N2a", "N2b", "N3") and ninth.counts[2][2] == 1


@pytest.mark.parametrize("paper", PAPERS)
def test_a_papers_table_has_its_printed_rows_after_ours(cohort, paper):
    for table in tables_of(paper, cohort):
        kinds = [line.printed for line in table.lines]
        assert kinds == sorted(kinds) and not kinds[0]
        assert all(len(line.cells) == len(table.columns) for line in table.lines)
    assert table.notes[-1] == f"{paper}: {printed.CITATIONS[paper]}."


def test_papers_on_two_cases_by_hand(cohort):
    p3 = tables_of("P3", cohort)[0]
    assert p3.lines[0].cells[0] == f"{0.32:.4f} ± {0.64 / np.sqrt(2):.4f}"
    assert p3.lines[0].cells[4] == "0.5000"
    assert any("not defined in 1 cases" in note for note in p3.notes)
    strata = tables_of("P1", cohort)[1]
    assert [line.cells[1] for line in strata.lines[:3]] == ["0.50 (0.75)", "0.75 (0.75)", f"{NO_VALUE} ({NO_VALUE})"]
    whole = tables_of("P5", cohort)[2]
    assert [cell.split()[0] for cell in whole.lines[0].cells] == ["0.667", "0.667"]


def test_p2_and_p4_by_hand(tmp_path, drawn):
    """Two nodes found, one positive called so (p 0.9) on 4 slices, one negative called positive (p 0.6) on 4 slices."""
    drawn.truth(
        tmp_path / "t" / "a",
        {1: (0, 6), 2: (10, 4), 3: (20, 2)},
        [(1, 12, "4R", "malignant"), (2, 6, "4L", "benign"), (3, 3, "7", "benign")],
    )
    nodes = [(1, 11, "4R", None, 0.9, 0.8), (2, 5, "4L", None, 0.6, 0.7), (5, 4, "10L", None, 0.1, 0.6)]
    drawn.assessment(tmp_path / "p" / "a", {1: (0, 6), 2: (12, 4), 5: (30, 3)}, nodes)
    cohort = summarize(evaluate_pairs(find_pairs(tmp_path / "t", tmp_path / "p")))
    (p2,) = tables_of("P2", cohort)
    assert [line.cells for line in p2.lines[:2]] == [(NO_VALUE, "0.50", "1.00"), (NO_VALUE, "1.00", NO_VALUE)]
    sizes, found, rates, text, swapped, matrix = tables_of("P4", cohort)
    assert [line.cells for line in sizes.lines[:3]] == [("2", "0", "2"), ("0", "1", "1"), ("0", "0", "0")]
    assert [line.cells for line in found.lines[:3]] == [("1", "0", "1"), ("0", "1", "1"), ("0", "0", "0")]
    assert [line.cells for line in rates.lines[:3]] == [("100.00", "50.00"), ("100.00", "0.00"), ("0.00", "1.00")]
    assert text.lines[0].cells == ("50 %", "100 %", NO_VALUE, "75 %", "0.64")
    assert swapped.lines[0].cells == ("0", NO_VALUE)
    assert matrix.lines[2].cells == ("0.0", "0.0", "100.0", "0.0")
    named = {line.label: line.cells for line in tables_of("P1", cohort)[3].lines}
    assert named["this data"][0].startswith("1.00") and named["4L (n = 1)"] == ("1.00", "1.00", NO_VALUE)
    stations = tables_of("P1", cohort)[0]
    assert {line.label: line.cells for line in stations.lines}["this data, 4R"] == ("0", "1", "0")


def test_printed_numbers_add_up_as_noted():
    """What the notes say of the papers' own tables follows from the numbers kept here."""
    columns = np.array([[int(cell) for cell in cells] for _, cells in printed.P1_TABLE_1.rows])
    assert columns.sum(axis=1).tolist() == [8] * 15 and columns.sum(axis=0).tolist() == [33, 10, 77]
    rows = [cells for _, cells in printed.P1_TABLE_3.rows]
    pairs = [(float(a[2]) - float(b[2]), float(a[1]) - float(b[1])) for a in rows for b in rows if a[0] + b[0] == "+0"]
    by_p, by_d = (sum((d[k] > 0) + (d[k] == 0) / 2 for d in pairs) / len(pairs) for k in (0, 1))
    assert (by_p, by_d) == (pytest.approx(0.80), pytest.approx(0.567, abs=5e-4))
    totals = dict(printed.P4_TABLE_1A.rows)
    assert all(int(a) + int(b) == int(c) for a, b, c in totals.values())
    mfroc = dict(printed.P5_TABLE_2.rows)
    gain = float(mfroc["LF, GLNet"][1]) - float(mfroc["MULAN, CT+PET"][1])
    assert (gain, gain / 0.475) == (pytest.approx(0.170), pytest.approx(0.358, abs=5e-4))
    every = [table for table in vars(printed).values() if isinstance(table, printed.Printed)]
    assert len(every) >= 15
    assert all(len(cells) == len(table.columns) for table in every for _, cells in table.rows)


def test_the_page_and_the_tables_lie_in_one_folder(cohort, tmp_path):
    from nodewise.evaluate.write import write_evaluation

    write_evaluation(cohort, MADE, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["cases.csv", "evaluation.html", "nodes.csv", "operating_points.csv", "summary.json"]
    content = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert content["dice_mean"] == pytest.approx(0.32)
    assert (tmp_path / "out" / "cases.csv").read_text().splitlines()[0].startswith("case,nodes,found,missed")
    assert len((tmp_path / "out" / "nodes.csv").read_text().splitlines()) == 1 + 3 + 2
