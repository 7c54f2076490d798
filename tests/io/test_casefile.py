import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nodewise.io.casefile import AssessmentRecord, NodeRecord, read_record, record_of, write_record
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region, StationCall
from nodewise.values.assessment import Assessment, Provenance, Stage
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Finding, Malignancy, Node, Size
from nodewise.values.station import Side, Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume


def assessment(short_axis_mm: float = 8.25, side: Side | None = Side.LEFT) -> Assessment:
    grid = Grid.of((4, 4, 4), (1.0, 1.0, 1.0))
    source = Source(grid, MappingProxyType({"kVp": 120, "pitch": 0.9, "kernel": "B30f"}), left_out=("a localiser",))
    study = Study("abc", Volume(np.zeros((4, 4, 4), dtype=np.float32), grid, Quantity.HU), source)
    size = Size(short_axis_mm, 12.0, ((0, 0, 1), (0, 12, 1)), ((0, 0, 1), (8.25, 0, 1)), 9.0, 8.0, 500.123456, 4.9)
    finding = Finding(
        node=Node(3, Box((0, 0, 0), (1, 1, 1)), np.ones((1, 1, 1), dtype=bool), 0.75),
        centroid_lps_mm=(1.00049, -2.0, 3.0),
        mean_hu=float(np.float32(41.3)),
        size=size,
        station=StationCall(Station.S4R, 0.9, "rules"),
        malignancy=Malignancy(0.5, "size"),
    )
    stage = Stage(8, "N2", side, False, "", MappingProxyType({"N0": 0.25, "N2": 0.75}), (3,), "a rule", 0.5)
    if side is None:
        left = replace(stage, primary_side=Side.LEFT, category="N3")
        stage = replace(stage, if_left=left, if_right=replace(stage, primary_side=Side.RIGHT))
    landmarks = {
        "carina": Landmark((1.0, 2.0, 3.0), LandmarkStatus.FOUND, 0.8),
        "arch": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0),
    }
    anatomy = Anatomy(landmarks, Region((0, 0, 0), (1, 1, 1)), "classical")
    made = Provenance(
        "m", "on phantoms", "ff", {"numpy": "2"}, {"nodes": 0.1234567}, 100.0, settings={"threshold": 0.5}
    )
    return Assessment(study, anatomy, (finding,), stage, made, ("a warning",))


@pytest.mark.parametrize("side", [Side.LEFT, None])
def test_what_is_written_is_read_back(tmp_path, side):
    record = record_of(assessment(side=side))
    write_record(record, tmp_path / "assessment.json")
    assert read_record(tmp_path / "assessment.json") == record


def test_the_file_has_the_documented_fields(tmp_path):
    write_record(record_of(assessment()), tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["schema_version"] == "1.1"
    assert content["research_use_only"] is True
    assert content["study"] == {
        "id": "abc",
        "facts": {"kVp": 120, "pitch": 0.9, "kernel": "B30f"},
        "left_out": ["a localiser"],
    }
    assert content["nodes"] == [
        {
            "id": 3,
            "station": "4R",
            "station_confidence": 0.9,
            "station_method": "rules",
            "station_second": None,
            "centroid_lps_mm": [1.0, -2.0, 3.0],
            "short_axis_mm": 8.25,
            "long_axis_mm": 12.0,
            "axes_endpoints_lps_mm": {"long": [[0, 0, 1], [0, 12, 1]], "short": [[0, 0, 1], [8.25, 0, 1]]},
            "short_axis_max_slice_mm": 9.0,
            "short_axis_ellipsoid_mm": 8.0,
            "volume_mm3": 500.123,
            "equivalent_radius_mm": 4.9,
            "mean_hu": 41.3,
            "score": 0.75,
            "malignancy": 0.5,
            "malignancy_method": "size",
            "malignancy_before_bulk": None,
            "uptake": None,
        }
    ]
    assert content["landmarks"]["carina"] == {"lps_mm": [1, 2, 3], "status": "found", "confidence": 0.8}
    assert content["landmarks"]["arch"]["lps_mm"] is None
    assert content["stage"]["primary_side"] == "left"


def test_a_file_of_schema_1_0_is_read(tmp_path):
    content = record_of(assessment()).model_dump(mode="json") | {"schema_version": "1.0"}
    del content["nodes"][0]["malignancy_before_bulk"]
    (tmp_path / "a.json").write_text(json.dumps(content))
    record = read_record(tmp_path / "a.json")
    assert (record.schema_version, record.nodes[0].malignancy_before_bulk) == ("1.0", None)


def test_an_unknown_side_keeps_both_answers():
    stage = record_of(assessment(side=None)).stage
    assert stage.primary_side == "unknown"
    assert (stage.if_left.category, stage.if_right.category) == ("N3", "N2")
    assert stage.if_left.primary_side == "left"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_never_written(number):
    with pytest.raises(ValidationError, match="finite"):
        record_of(assessment(short_axis_mm=number))


def test_a_fact_that_is_no_number_is_kept_as_a_word(tmp_path):
    case = assessment()
    source = replace(case.study.source, facts=MappingProxyType({"pitch": float("nan")}))
    record = record_of(replace(case, study=replace(case.study, source=source)))
    assert record.study.facts == {"pitch": "nan"}


def test_a_record_is_frozen_and_takes_nothing_unnamed():
    record = record_of(assessment())
    with pytest.raises(ValidationError, match="frozen"):
        record.nodes[0].station = "4L"
    with pytest.raises(ValidationError, match="Extra inputs"):
        NodeRecord.model_validate(record.nodes[0].model_dump() | {"patient_name": "x"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": "1.2"}, "schema 1.2.*reads up to 1.1: install a newer"),
        ({"schema_version": "2.0", "nodes": {}}, "schema 2.0"),
        ({"schema_version": None}, "no schema_version"),
        ({"warnings": 3}, "at warnings"),
        ({"research_use_only": False}, "at research_use_only"),
        ({"surprise": 1}, "at surprise"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, change, words):
    path = tmp_path / "a.json"
    content = record_of(assessment()).model_dump(mode="json") | change
    path.write_text(json.dumps(content))
    with pytest.raises(BadInputError, match=words) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"1.0"', "null"])
def test_what_is_no_assessment_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"a\.json"):
        read_record(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_record(tmp_path / "none.json")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "a.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(BadInputError):
        read_record(path)


def test_the_schema_documents_every_field():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "assessment.md").read_text(encoding="utf-8")
    schema = AssessmentRecord.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name in part["properties"]:
            assert f"`{name}`" in page, name
