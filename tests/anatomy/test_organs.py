"""Organ maps from outside: names, what has none, and maps of another scan."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.anatomy.organs import OrganMap, organs_on, read_names, read_organs
from nodewise.anatomy.working import working_grid
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
ANY_JSON = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def labels():
    """Trachea (16 in TotalSegmentator's table) as a rod on the left of the middle, label 200 beside it."""
    array = np.zeros((20, 16, 12), np.uint8)
    array[13:15, 7:9, :] = 16
    array[3, 3, 3] = 200
    return Volume(array, Grid.of(array.shape, (2.0, 2.0, 3.0), (-19.0, -15.0, 100.0)), Quantity.LABEL)


def _scan(labels, hu=-900.0):
    return Volume(np.full(labels.grid.shape, hu, np.float32), labels.grid, Quantity.HU)


@pytest.mark.parametrize(
    "content",
    [
        {"16": "trachea", "52": "aorta"},
        {"trachea": 16, "aorta": 52},
        {"labels": {"background": 0, "trachea": 16, "aorta": 52}},
        {"organs": {"trachea": 16, "aorta": 52}, "seed": 7},
    ],
)
def test_every_form_of_names(content, tmp_path):
    (tmp_path / "names.json").write_text(json.dumps(content))
    assert read_names(tmp_path / "names.json") == {16: "trachea", 52: "aorta"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "names of organs were expected"),
        ("{}", "names of organs were expected"),
        ('{"1": 2.5}', "is not a label and its name"),
        ('{"spleen": -1}', "is not a label and its name"),
        ('{"spleen": true}', "is not a label and its name"),
        ('{"1": "spleen", "2": "spleen"}', "the same name"),
        ('{"a": 1, "b": 1}', "the same name or number"),
    ],
)
def test_names_that_are_none(content, told, tmp_path):
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(BadInputError, match=told) as error:
        read_names(tmp_path / "names.json")
    assert "\n" not in str(error.value)


@given(ANY_JSON)
def test_whatever_json_is_given_it_is_names_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(content))
    try:
        found = read_names(path)
    except BadInputError:
        return
    assert all(number > 0 and isinstance(name, str) for number, name in found.items())


def test_labels_without_a_name_are_left_out_and_told(labels, tmp_path):
    write_nifti(labels, tmp_path / "organs.nii.gz")
    found = read_organs(tmp_path / "organs.nii.gz")
    assert found.names[16] == "trachea"
    assert set(np.unique(found.labels.array)) == {0, 16}
    assert found.warnings == ("Labels without a name in organs.nii.gz were left out: 200.",)


def test_a_map_without_any_named_organ_is_refused(labels, tmp_path):
    write_nifti(labels, tmp_path / "organs.nii.gz")
    (tmp_path / "names.json").write_text('{"7": "spleen"}')
    with pytest.raises(BadInputError, match=r"labels \(16, 200\) that have no name in names.json"):
        read_organs(tmp_path / "organs.nii.gz", tmp_path / "names.json")


def test_the_map_keeps_its_place_however_it_is_stored(labels, tmp_path):
    """The same voxels with x and z reversed and stored in another order: the same organ on the lattice."""
    affine = labels.grid.affine
    turned = np.column_stack([-affine[:, 2], -affine[:, 0], affine[:, 1], affine @ (19, 0, 11, 1)])
    array = np.transpose(labels.array[::-1, :, ::-1], (2, 0, 1)).copy()
    write_nifti(Volume(array, Grid(array.shape, turned), Quantity.LABEL), tmp_path / "turned.nii.gz")
    write_nifti(labels, tmp_path / "plain.nii.gz")
    ct, grid = _scan(labels), working_grid(labels.grid)
    plain, other = (organs_on(read_organs(tmp_path / f"{n}.nii.gz"), ct, grid) for n in ("plain", "turned"))
    assert plain.mask("trachea").any()
    assert np.array_equal(plain.labels.array, other.labels.array)


def test_a_map_of_another_scan_is_refused(labels):
    away = Grid.of(labels.grid.shape, labels.grid.spacing, (200.0, 0.0, 100.0))
    given = OrganMap(Volume(labels.array, away, Quantity.LABEL), {16: "trachea", 200: "lung_left"}, "given")
    with pytest.raises(BadInputError, match="0% of its organs are inside the scan"):
        organs_on(given, _scan(labels), working_grid(labels.grid))


def test_lungs_without_air_are_refused(labels):
    given = OrganMap(labels, {16: "lung_left", 200: "aorta"}, "given")
    organs_on(given, _scan(labels), working_grid(labels.grid))
    with pytest.raises(BadInputError, match="where it says lung there is no air"):
        organs_on(given, _scan(labels, 40.0), working_grid(labels.grid))
