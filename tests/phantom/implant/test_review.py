import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.phantom.implant.review import Place, Review, read_reviews
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid

CORNERS = {"low_lps_mm": [-10, -10, -10], "high_lps_mm": [10, 10, 10]}
FILE = {"schema_version": "1.0", "by": "a test", "scans": [{"id": "one", **CORNERS}]}


def _turned(degrees, spacing):
    """A grid turned about z, its middle at the origin."""
    a = np.deg2rad(degrees)
    turn = np.array([(np.cos(a), -np.sin(a), 0), (np.sin(a), np.cos(a), 0), (0, 0, 1)])
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = -affine[:3, :3] @ np.array((19.5, 19.5, 9.5))
    return Grid((40, 40, 20), affine)


@given(
    st.floats(-40, 40),
    st.tuples(*[st.floats(0.6, 3.0)] * 3),
    st.tuples(*[st.floats(-12, 12)] * 3),
    st.tuples(*[st.floats(1.5, 14)] * 3),
)
def test_places_are_millimetres_whatever_the_grid(degrees, spacing, middle, radii):
    grid = _turned(degrees, np.array(spacing))
    review = Review(id="x", **CORNERS, may_be_nodes=(Place(lps_mm=middle, radii_mm=radii),))
    doubtful, seen = review.doubtful(grid), review.seen(grid)
    for index in np.random.default_rng(0).integers(0, grid.shape, (60, 3)):
        at = grid.to_lps(index)
        inside = sum(((a - m) / r) ** 2 for a, m, r in zip(at, middle, radii, strict=True))
        if abs(inside - 1) > 1e-6:
            assert doubtful[tuple(index)] == (inside < 1)
        if np.abs(np.abs(at) - 10).min() > 1e-6:
            assert seen[tuple(index)] == bool((np.abs(at) < 10).all())


def test_a_file_is_read_by_the_ids_of_the_studies(tmp_path):
    path = tmp_path / "reviewed.json"
    path.write_text(json.dumps(FILE))
    assert read_reviews(path)["one"].high_lps_mm == (10, 10, 10)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema_version": "2.0"}, "schema_version"),
        ({"scans": [{"id": "one"}]}, "low_lps_mm"),
        ({"scans": [{"id": "one", **CORNERS, "nodes": []}]}, "nodes"),
        (
            {"scans": [{"id": "one", **CORNERS, "may_be_nodes": [{"lps_mm": [0, 0, 0], "radii_mm": [1, 1, 0]}]}]},
            "radii",
        ),
        ({"scans": [{"id": "one", **CORNERS}, {"id": "one", **CORNERS}]}, "twice"),
        ({"scans": [{"id": "one", **CORNERS, "high_lps_mm": [10, -10, 10]}]}, "below"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, change, told):
    path = tmp_path / "reviewed.json"
    path.write_text(json.dumps(FILE | change))
    with pytest.raises(BadInputError, match=told) as error:
        read_reviews(path)
    assert "\n" not in str(error.value)


def test_what_is_no_json_or_not_there_is_said(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_reviews(tmp_path / "none.json")
    (tmp_path / "reviewed.json").write_text("[")
    with pytest.raises(BadInputError, match="no JSON"):
        read_reviews(tmp_path / "reviewed.json")
