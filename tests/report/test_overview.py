import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nodewise.report.overview import SLAB_MM, colour_of, overview
from nodewise.values.anatomy import Region


def test_marks_lie_where_the_nodes_are(sided):
    made = overview(sided)
    at = {mark.id: np.array(mark.at) for mark in made.marks}
    assert at[2] - at[1] == pytest.approx([27 + 24, 6 - 9])  # left at the right, head at the top
    assert at[1] - np.array(made.carina) == pytest.approx([-24 - 1, -6])
    assert all(0 < x < made.width_mm and 0 < y < made.height_mm for x, y in at.values())
    assert {mark.id: mark.on_right for mark in made.marks} == {1: False, 2: True, 3: True, 7: True}


def test_projection_shows_airway_lungs_and_spine_in_place(sided):
    made = overview(sided)
    grey = np.asarray(Image.open(io.BytesIO(made.jpeg)), dtype=float)
    assert grey.shape == (round(made.height_mm * 2), round(made.width_mm * 2))

    def at(x_mm: float, z_mm: float) -> float:
        x, y = made.carina[0] + x_mm - 1.0, made.carina[1] - z_mm
        return grey[int(2 * y), int(2 * x)]

    assert at(60, 0) < at(0, 40) < at(30, -50)  # lung, trachea within tissue, tissue
    assert made.slab_mm == pytest.approx(SLAB_MM, abs=3)


def test_labels_do_not_overlap_and_stay_inside(sided):
    crowd = tuple(replace(f, node=replace(f.node, id=10 * n + f.node.id)) for f in sided.findings for n in range(30))
    made = overview(replace(sided, findings=crowd))
    assert len(made.marks) == 120
    for side in (False, True):
        heights = sorted(m.label_at_mm for m in made.marks if m.on_right is side and m.label_at_mm is not None)
        assert len(heights) >= 10
        assert np.diff(heights).min() >= 7.5 - 1e-9
        assert heights[0] >= 0
        assert heights[-1] <= made.height_mm
    labelled = {m.id % 10 for m in made.marks if m.on_right and m.label_at_mm is not None}
    assert labelled == {3}  # the most suspicious have the room


def test_without_landmarks_or_nodes_there_is_still_a_picture(empty):
    made = overview(empty)
    assert made.marks == ()
    assert made.carina is None
    assert len(made.jpeg) > 500


def test_a_mediastinum_outside_the_scan_shows_the_whole_scan(empty):
    away = replace(empty, anatomy=replace(empty.anatomy, mediastinum=Region((0, 0, 900), (10, 10, 950))))
    assert overview(away).width_mm == pytest.approx(240)


def test_colours_run_from_blue_over_sand_to_vermilion():
    assert (colour_of(0.0), colour_of(0.5), colour_of(1.0)) == ("#4aa3df", "#f0d782", "#e85828")
