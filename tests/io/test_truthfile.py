"""truth.json: written and read back, named as assessment.json, and damage said in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nodewise.io.casefile import NodeRecord
from nodewise.io.truthfile import (
    TrueControl,
    TrueNode,
    TruePet,
    TrueTumour,
    TruthRecord,
    read_truth,
    true_node,
    write_truth,
)
from nodewise.values.errors import BadInputError
from nodewise.values.node import Size, Status

SIZE = Size(8.25, 12.0, ((0, 0, 1), (0, 12, 1)), ((0, 0, 1), (8.25, 0, 1)), 9.0, 8.0, 500.123456, 4.9)


def node(number: int = 1, region="chest", place: str = "4R", status=Status.MALIGNANT) -> TrueNode:
    return true_node(number, region, place, status, (1.00049, -2.0, 3.0), SIZE, mean_hu=41.2, suv=(3.51234, 5.0))


def truth(**changes) -> TruthRecord:
    known = {
        "region": "chest",
        "seed": 7,
        "phase": "none",
        "contrast": False,
        "primary_side": "left",
        "tumour": TrueTumour(
            site="lung", side="left", diameter_mm=22, t_category="T1c", centroid_lps_mm=(1, 2, 3), suv_drawn=9
        ),
        "n_category_8": "N3",
        "n_category_9": "N3",
        "landmarks_lps_mm": {"carina": (0, 1, 2)},
        "hard": ["effusion"],
        "station_histology": {"4R": "malignant", "7": "n/a"},
        "organs": {"aorta": 52},
        "places": {"4R": 7},
        "pet": TruePet(shift_mm=4.5, fwhm_mm=6, dose_bq=2.5e8, weight_kg=70, seconds_to_scan=3600),
        "nodes": [node(), node(2, place="7", status=Status.BENIGN)],
        "made": {"spacing_mm": "1 × 1 × 2"},
        "negatives": [
            TrueControl(id=1, kind="vessel", centroid_lps_mm=(1, 2, 3), short_axis_mm=5, long_axis_mm=9, volume_mm3=80)
        ],
    }
    return TruthRecord(**(known | changes))


def test_what_is_written_is_read_back(tmp_path):
    write_truth(truth(), tmp_path / "truth.json")
    assert read_truth(tmp_path / "truth.json") == truth()


def test_fields_that_assessment_has_too_are_of_the_same_type():
    ours, theirs = TrueNode.model_fields, NodeRecord.model_fields
    shared = ours.keys() & theirs.keys()
    assert shared >= {"id", "station", "centroid_lps_mm", "axes_endpoints_lps_mm", "short_axis_mm", "mean_hu", "uptake"}
    for name in shared - {"station"}:
        assert ours[name].annotation == theirs[name].annotation, name
    assert set(theirs) - set(ours) == {
        *("station_confidence", "station_method", "station_second", "score"),
        *("malignancy", "malignancy_method", "malignancy_before_bulk"),
    }


def test_a_node_knows_its_place_and_whether_it_is_ill():
    assert (node().place, node().malignant) == ("4R", True)
    assert (node(1, "neck", "IIA left", Status.BENIGN).place, node(1, "neck", "II", None).malignant) == (
        "IIA left",
        None,
    )
    assert node(1, "abdomen", "mesentery", Status.EXTRANODAL).malignant is True
    assert node().centroid_lps_mm == (1.0, -2.0, 3.0)
    assert node().uptake == 3.512


def test_where_the_region_is_not_known_nodes_have_no_place():
    assert truth(region=None, nodes=[node(1, None)]).nodes[0].place == ""
    with pytest.raises(ValidationError, match="has to have no place"):
        truth(region=None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"region": "neck"}, r"node 1 of neck has to have \['level'\]"),
        ({"nodes": [node(), node()]}, "same id"),
        ({"nodes": [node(1, place="4Q")]}, "no IASLC station: 4Q"),
        ({"seed": "x"}, "seed"),
        ({"extra": 1}, "extra"),
        ({"station_histology": {"4R": "ill"}}, "station_histology"),
    ],
)
def test_what_cannot_be_true_is_refused(changes, why):
    with pytest.raises(ValidationError, match=why):
        truth(**changes)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no schema_version"),
        ('{"nodes": []}', "no schema_version"),
        ('{"schema_version": "1.0", "nodes": []}', "schema 1.0, this nodewise reads 2.0: make the phantom again"),
        ('{"schema_version": "3.0"}', "schema 3.0"),
        ('{"schema_version": "2.0"}', "does not follow schema 2.0 at region"),
    ],
)
def test_damage_is_one_line(content, why, tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(content)
    with pytest.raises(BadInputError, match=why) as refused:
        read_truth(path)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_truth(tmp_path / "truth.json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_content_escapes_as_another_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("t") / "truth.json"
    path.write_text(json.dumps({"schema_version": "2.0", "nodes": content}))
    with pytest.raises(BadInputError):
        read_truth(path)
