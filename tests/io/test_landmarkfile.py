"""``landmarks.json``: written, corrected by hand, read back."""

import json

import pytest

from nodewise.io.landmarkfile import read_landmarks, write_landmarks
from nodewise.values.anatomy import Landmark, LandmarkStatus
from nodewise.values.errors import BadInputError

FOUND = {
    "carina": Landmark((1.23456, -20.0, 130.5), LandmarkStatus.FOUND, 0.9),
    "arch_top": Landmark(None, LandmarkStatus.NOT_FOUND, 0.0),
}


def test_what_is_written_is_read_without_what_was_not_found(tmp_path):
    write_landmarks(FOUND, tmp_path / "landmarks.json")
    content = json.loads((tmp_path / "landmarks.json").read_text())
    assert content["landmarks"]["arch_top"] == {"lps_mm": None, "status": "not found", "confidence": 0.0}
    assert read_landmarks(tmp_path / "landmarks.json") == {"carina": (1.235, -20.0, 130.5)}


def test_a_place_is_enough_and_an_assessment_will_do(tmp_path):
    path = tmp_path / "assessment.json"
    path.write_text('{"schema_version": "1.1", "stage": {}, "landmarks": {"arch_top": {"lps_mm": [1, 2, 3]}}}')
    assert read_landmarks(path) == {"arch_top": (1.0, 2.0, 3.0)}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not JSON", "is not JSON"),
        ("[1]", "holds no landmarks"),
        ('{"landmarks": [1]}', "holds no landmarks"),
        ('{"landmarks": {"carina": [1, 2, 3]}}', "landmark carina"),
        ('{"landmarks": {"carina": {"lps_mm": [1, 2]}}}', "landmark carina.lps_mm"),
        ('{"landmarks": {"carina": {"lps_mm": [1, 2, NaN]}}}', "landmark carina.lps_mm"),
        ('{"landmarks": {"carina": {"lps_mm": [1, 2, 3], "sure": true}}}', "landmark carina.sure"),
    ],
)
def test_what_is_no_such_file_is_told_in_one_line(content, told, tmp_path):
    (tmp_path / "landmarks.json").write_text(content)
    with pytest.raises(BadInputError, match=told) as error:
        read_landmarks(tmp_path / "landmarks.json")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match="cannot be read"):
        read_landmarks(tmp_path / "none.json")
