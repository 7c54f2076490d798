"""P1's figures: what is drawn, where, and in which files it ends up."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from nodewise.cli.main import exit_code
from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.figures import as_png, as_svg, holds, matrix
from nodewise.evaluate.gallery import PREDICTION, alone, heights_of, middle_of, station_levels, three_planes
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.papers.choose import pictures_of
from nodewise.evaluate.run import evaluate_pairs
from nodewise.io.itk import write_nifti
from nodewise.metrics.reliability import reliability
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

FIGURES = ("P1-figure-2", "P1-figure-4", "P1-figure-4-rules", "P1-figure-5", "P1-figure-6", "P1-figure-7",
           "P1-reliability")  # fmt: skip


@pytest.fixture(scope="module")
def cohort_on_disk(tmp_path_factory, drawn):
    """Two patients, N0 and N2, with CTs, assessments, station maps and those by rules."""
    folder = tmp_path_factory.mktemp("figures")
    hu = drawn.array({1: (0, 40)}, np.float32) * 90 - 100
    hu[-1] = -1000
    spans = {"4R": (0, 9), "7": (9, 20)}
    for name, status, category, p in (("a", "benign", "N0", 0.2), ("b", "malignant", "N2", 0.7)):
        boxes = {1: (0, 6), 2: (10, 4)}
        known = {"n_category_8": category, "n_category_9": None}
        truth = drawn.truth(folder / "truth" / name, boxes, [(1, 4, "4R", status), (2, 4, "7", "benign")], **known)
        drawn.labels(truth / "stations.nii.gz", {Station(code).label: span for code, span in spans.items()})
        nodes = [(1, 4, "4R", None, p, 0.9), (2, 4, "7", None, 0.1, 0.8)]
        predicted = drawn.assessment(folder / "predicted" / name, boxes, nodes, stations=spans)
        drawn.labels(predicted / "stations-rules.nii.gz", {Station("4L").label: (0, 20)})
        (folder / "images").mkdir(exist_ok=True)
        write_nifti(Volume(hu, drawn.grid, Quantity.HU), folder / "images" / f"{name}.nii.gz")
    return folder


def test_every_figure_of_p1_is_drawn_where_the_data_allow(cohort_on_disk):
    cases = evaluate_pairs(find_pairs(cohort_on_disk / "truth", cohort_on_disk / "predicted"))
    made = pictures_of("P1", summarize(cases, bootstraps=10))
    assert tuple(picture.name for picture in made) == FIGURES
    titles = {picture.name: picture.title for picture in made}
    assert "4 of 4 right" in titles["P1-figure-4"] and "0 of 4 right" in titles["P1-figure-4-rules"]
    for picture in made:
        assert bool(picture.svg) != bool(picture.panels)
        assert min(Image.open(io.BytesIO(picture.png)).size) > 150
    gallery = next(picture for picture in made if picture.name == "P1-figure-7")
    assert [panel.caption for panel in gallery.panels] == [
        "a · d 4 mm · p 0.20 · 4R · true: benign · N0",
        "b · d 4 mm · p 0.70 · 4R · true: malignant · N+",
    ]
    assert pictures_of("P3", summarize(cases, bootstraps=0)) == ()


def test_bare_masks_have_the_froc_alone(two_cases):
    made = pictures_of("P1", summarize(evaluate_pairs(find_pairs(*two_cases)), bootstraps=0))
    assert [picture.name for picture in made] == ["P1-figure-5"]


def test_the_command_writes_them_beside_the_page(cohort_on_disk, tmp_path):
    asked = [str(cohort_on_disk / name) for name in ("truth", "predicted")]
    out = tmp_path / "out"
    assert exit_code(["evaluate", *asked, "-o", str(out), "--paper", "P1", "--bootstraps", "10"]) == 0
    assert sorted(path.stem for path in (out / "figures").iterdir()) == sorted(FIGURES)
    text = (out / "evaluation.html").read_text(encoding="utf-8")
    assert "Figure 7: the most suspicious node of each patient" in text and text.count("<figure><img") == 2 + 3
    assert json.loads((out / "summary.json").read_text())["patient_auc_over_size"] == 0.5


def test_a_cut_shows_the_place_and_the_contour():
    """A bright block behind (y up to 90) on dark: low in the axial cut, right in the sagittal one."""
    grid = Grid.of((100, 100, 50), (1.0, 1.0, 2.0))
    hu = np.full(grid.shape, -200, np.float32, order="F")
    hu[:, 60:] = 300
    labels = np.zeros(grid.shape, np.uint8, order="F")
    labels[45:56, 45:56, 22:28] = 1
    ct, nodes = Volume(hu, grid, Quantity.HU), Volume(labels, grid, Quantity.LABEL)
    picture = np.asarray(three_planes(ct, (50.0, 50.0, 49.0), [(nodes, PREDICTION)]))
    axial, coronal, sagittal = (picture[:, n * 164 : n * 164 + 160] for n in range(3))
    assert axial[150, 80].max() == 255 and axial[10, 80].max() == 0
    assert sagittal[80, 150].max() == 255 and sagittal[80, 10].max() == 0
    assert coronal[10, 80].max() == 0
    drawn = np.argwhere((axial == PREDICTION).all(axis=2))
    assert drawn.min(axis=0).tolist() == pytest.approx([80 - 5.5 * 2.5] * 2, abs=1.5)
    assert drawn.max(axis=0).tolist() == pytest.approx([80 + 5.5 * 2.5] * 2, abs=1.5)


def test_the_middle_of_a_bent_node_lies_in_it():
    grid = Grid.of((20, 20, 3), (2.0, 2.0, 4.0), (10.0, 0.0, 0.0))
    labels = np.zeros(grid.shape, np.uint8, order="F")
    labels[2:18, 2, 1] = labels[2, 2:18, 1] = labels[17, 2:18, 1] = 5
    labels[10, 10, 1] = 4
    x, y, z = middle_of(alone(Volume(labels, grid, Quantity.LABEL), 5))
    i, j, k = np.rint(grid.to_index((x, y, z))).astype(int).tolist()
    assert labels[i, j, k] == 5 and j == 2 and 7 <= i <= 12


def test_levels_run_from_the_head_down():
    grid = Grid.of((40, 40, 20), (2.0, 2.0, 3.0))
    labels = np.zeros(grid.shape, np.uint8, order="F")
    labels[10:20, 10:20, 2:8], labels[10:20, 10:20, 12:18] = Station.S7.label, Station.S2R.label
    stations = Volume(labels, grid, Quantity.LABEL)
    heights, low, high = heights_of(stations, 3)
    assert heights == pytest.approx([51 - 7.5, 28.5, 6 + 7.5]) and low.tolist() == [20, 20, 6]
    ct = Volume(np.full(grid.shape, -1000, np.float32, order="F"), grid, Quantity.HU)
    strip = np.asarray(station_levels(ct, stations, heights, low, high))
    assert strip.shape == (230, 3 * 234 - 4, 3)
    first, middle, last = (strip[60:, n * 234 : n * 234 + 230] for n in range(3))
    assert first.any() and last.any() and not middle.any()
    with pytest.raises(ValueError, match="without any station"):
        heights_of(Volume(np.zeros(grid.shape, np.uint8, order="F"), grid, Quantity.LABEL), 3)


def test_a_matrix_and_a_reliability_plot_say_their_numbers():
    text = as_svg(matrix(["4R", "7"], ["4R", "7"], [[12, 3], [0, 5]], [[True, False], [False, True]]))
    assert all(f">{word}<" in text for word in ("12", "3", "5", "4R (15)", "7 (5)")) and ">0<" not in text
    curve = reliability(np.array([0.1, 0.1, 0.9]), np.array([False, True, True]))
    draw = holds([("nodes", curve)])
    assert "nodes (n = 3), error 0.30" in as_svg(draw) and as_svg(draw) == as_svg(draw)
    png = as_png(draw, title="P1")
    assert png == as_png(draw, title="P1") and base64.b64encode(png).startswith(b"iVBOR")
