"""What numbers in a file mean, and predictions put on the truth's grid."""

import numpy as np
import pytest

from nodewise.evaluate.case import evaluate_case
from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.read import Reading
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.volume import Quantity, Volume


def _case(truth, prediction, **how):
    return evaluate_case(Pair("x", truth, prediction), Reading(**how))


def test_a_mask_is_parted_and_instances_are_kept(tmp_path, drawn):
    mask = drawn.mask(tmp_path / "mask.nii.gz", (0, 2), (5, 3), (20, 2))
    instances = drawn.labels(tmp_path / "labels.nii.gz", {3: (0, 5), 9: (5, 3)})
    case = _case(mask, instances)
    assert len(case.nodes) == 3
    assert [node.id for node in case.predicted] == [3, 9]
    assert [node.hits is not None for node in case.predicted] == [True, True]


@pytest.mark.parametrize(("connectivity", "parts"), [(26, 1), (18, 2), (6, 2)])
def test_connectivity_parts_a_mask(tmp_path, drawn, connectivity, parts):
    array = np.zeros(drawn.grid.shape, np.uint8, order="F")
    array[0:3, 2:5, 2:5] = array[3:6, 5:8, 5:8] = 1  # they meet at a corner
    write_nifti(Volume(array, drawn.grid, Quantity.LABEL), tmp_path / "t.nii.gz")
    assert len(_case(tmp_path / "t.nii.gz", None, connectivity=connectivity).nodes) == parts


def test_labels_in_several_parts_are_ambiguous_until_it_is_said_what_they_are(tmp_path, drawn):
    array = drawn.array({1: (0, 3), 2: (5, 3), 3: (12, 3)}, np.uint8)
    array[20:22, 2:6, 2:6] = 1
    path = tmp_path / "t.nii.gz"
    write_nifti(Volume(array, drawn.grid, Quantity.LABEL), path)
    with pytest.raises(BadInputError, match="no instances but classes") as caught:
        _case(path, None)
    assert "\n" not in str(caught.value)
    assert len(_case(path, None, truth_labels="instances").nodes) == 3
    assert len(_case(path, None, truth_labels="mask").nodes) == 4
    classes = _case(path, path, truth_labels="classes", prediction_labels="classes")
    assert sorted(node.status.value for node in classes.nodes) == ["benign", "benign", "extranodal", "malignant"]
    counts = np.diag([array.size - 11 * 16, 5 * 16, 3 * 16, 3 * 16])
    assert np.array_equal(classes.confusion, counts)


def test_the_label_map_of_a_truth_folder_holds_instances_by_itself_too(tmp_path, drawn):
    array = drawn.array({1: (0, 3), 2: (5, 3)}, np.uint8)
    array[20:22, 2:6, 2:6] = 1
    write_nifti(Volume(array, drawn.grid, Quantity.LABEL), tmp_path / "nodes.nii.gz")
    assert [node.id for node in _case(tmp_path / "nodes.nii.gz", None).nodes] == [1, 2]


def test_an_annotation_that_does_not_hold_every_node_is_said(tmp_path, drawn):
    drawn.mask(tmp_path / "nodes.nii.gz", (0, 3))
    told = []
    for text in ('{"complete": true}', '{"complete": false}'):
        (tmp_path / "annotation.json").write_text(text)
        told.append(_case(tmp_path, None).warnings[:-1])  # the last one: no prediction
    assert told == [(), ("not all nodes are annotated: what finds one of the others counts as a false positive",)]
    (tmp_path / "annotation.json").write_text("[]")
    with pytest.raises(BadInputError, match="not an annotation"):
        _case(tmp_path, None)


def test_a_fourth_class_is_refused(tmp_path, drawn):
    path = drawn.labels(tmp_path / "t.nii.gz", {1: (0, 3), 4: (5, 3)})
    with pytest.raises(BadInputError, match="has the class 4"):
        _case(path, None, truth_labels="classes")


def test_fractions_are_no_truth(tmp_path, drawn):
    path = drawn.map(tmp_path / "t.nii.gz", {0.5: (0, 3)})
    with pytest.raises(BadInputError, match="holds fractions"):
        _case(path, path)


def test_logits_have_to_be_named(tmp_path, drawn):
    truth = drawn.mask(tmp_path / "t.nii.gz", (0, 3))
    logits = drawn.map(tmp_path / "p.nii.gz", {4.5: (0, 3), -2.5: (10, 3), 0.25: (20, 2)}, Quantity.LOGIT)
    with pytest.raises(BadInputError, match=r"-2.5 to 4.5.*--logits"):
        _case(truth, logits)
    case = _case(truth, logits, logits=True, threshold=0.51)
    assert [node.score for node in case.predicted] == pytest.approx([4.5, 0.25])
    assert len(_case(truth, logits, logits=True, threshold=0.6).predicted) == 1


def test_a_map_and_its_binarised_mask_find_the_same(tmp_path, drawn):
    truth = drawn.mask(tmp_path / "t.nii.gz", (0, 3), (10, 4))
    from_map = _case(truth, drawn.map(tmp_path / "map.nii.gz", {0.7: (1, 3), 0.5: (11, 2), 0.4: (30, 2)}))
    from_mask = _case(truth, drawn.mask(tmp_path / "mask.nii.gz", (1, 3), (11, 2)))
    assert from_map.voxels == from_mask.voxels
    assert [n.dice for n in from_map.nodes] == [n.dice for n in from_mask.nodes] == [2 / 3, 2 / 3]
    assert from_map.ranked and not from_mask.ranked


def _turned(volume: Volume) -> Volume:
    """The same voxels stored from left to right, head to feet, and with x and z exchanged."""
    array = np.asfortranarray(volume.array.transpose(2, 1, 0)[::-1, :, ::-1])
    affine = np.eye(4)
    affine[:3, :3] = volume.grid.affine[:3, [2, 1, 0]] * (-1, 1, -1)
    affine[:3, 3] = volume.grid.to_lps((volume.grid.shape[0] - 1, 0, volume.grid.shape[2] - 1))
    return Volume(array, Grid(array.shape, affine), volume.quantity)


@pytest.mark.parametrize("kind", ["labels", "map"])
def test_orientation_changes_nothing(tmp_path, drawn, kind):
    truth = drawn.labels(tmp_path / "t.nii.gz", {1: (0, 6), 2: (10, 4)})
    quantity = Quantity.LABEL if kind == "labels" else Quantity.PROBABILITY
    boxes = {1: (0, 5), 2: (12, 4)} if kind == "labels" else {0.9: (0, 5), 0.8: (12, 4)}
    volume = Volume(drawn.array(boxes, np.uint8 if kind == "labels" else np.float32), drawn.grid, quantity)
    write_nifti(volume, tmp_path / "p.nii.gz")
    write_nifti(_turned(volume), tmp_path / "turned.nii.gz")
    one, other = _case(truth, tmp_path / "p.nii.gz"), _case(truth, tmp_path / "turned.nii.gz")
    assert sorted((n.dice, n.covered) for n in one.nodes) == sorted((n.dice, n.covered) for n in other.nodes)
    assert one.voxels == other.voxels and one.assd_mm == pytest.approx(other.assd_mm)


@pytest.mark.parametrize("kind", ["labels", "map"])
def test_a_finer_prediction_is_put_on_the_truths_grid(tmp_path, drawn, kind):
    truth = drawn.labels(tmp_path / "t.nii.gz", {1: (2, 6), 2: (12, 4)})
    quantity = Quantity.LABEL if kind == "labels" else Quantity.PROBABILITY
    boxes = {1: (2, 6), 2: (12, 4)} if kind == "labels" else {0.9: (2, 6), 0.8: (12, 4)}
    array = drawn.array(boxes, np.uint8 if kind == "labels" else np.float32).repeat(2, axis=0)
    grid = Grid.of((80, 12, 12), (0.5, 1.0, 1.0), (-0.25, 0.0, 0.0))
    write_nifti(Volume(np.asfortranarray(array), grid, quantity), tmp_path / "p.nii.gz")
    case = _case(truth, tmp_path / "p.nii.gz")
    assert [node.dice for node in case.nodes] == [1.0, 1.0]
    assert case.warnings == ()


@pytest.mark.parametrize("kind", ["labels", "map"])
def test_what_falls_outside_the_truth_is_said(tmp_path, drawn, kind):
    """A field of view that goes on for 20 mm, with a node of 3 × 4 × 4 mm out there."""
    truth = drawn.labels(tmp_path / "t.nii.gz", {1: (2, 6)})
    grid = Grid.of((60, 12, 12), (1.0, 1.0, 1.0))
    array = np.zeros(grid.shape, np.uint8 if kind == "labels" else np.float32, order="F")
    array[2:8, 2:6, 2:6], array[50:53, 2:6, 2:6] = (1, 2) if kind == "labels" else (0.9, 0.8)
    quantity = Quantity.LABEL if kind == "labels" else Quantity.PROBABILITY
    write_nifti(Volume(array, grid, quantity), tmp_path / "p.nii.gz")
    case = _case(truth, tmp_path / "p.nii.gz")
    assert len(case.predicted) == 1
    assert len(case.warnings) == 1 and "outside the truth's image, left out" in case.warnings[0]
    assert ("label 2" in case.warnings[0]) if kind == "labels" else ("0.05 ml" in case.warnings[0])


@pytest.mark.parametrize("quantity", [Quantity.LABEL, Quantity.PROBABILITY])
def test_a_prediction_of_another_patient_is_refused(tmp_path, drawn, quantity):
    truth = drawn.labels(tmp_path / "t.nii.gz", {1: (2, 6)})
    array = drawn.array({1: (2, 6)}, np.uint8) if quantity is Quantity.LABEL else drawn.array({0.9: (2, 6)}, np.float32)
    away = Grid.of(drawn.grid.shape, (1.0, 1.0, 1.0), (500.0, 0.0, 0.0))
    write_nifti(Volume(array, away, quantity), tmp_path / "p.nii.gz")
    with pytest.raises(BadInputError, match=r"wholly outside.*one patient") as caught:
        _case(truth, tmp_path / "p.nii.gz")
    assert "\n" not in str(caught.value)


def test_a_folder_of_a_phantom_says_more_than_its_voxels(tmp_path, drawn):
    truth = drawn.truth(tmp_path / "t", {1: (0, 6), 7: (10, 4)}, [(1, 12.5, "4R", "malignant"), (2, 3, "7", "benign")])
    case = _case(truth, None)
    assert [(n.id, n.short_axis_mm, n.place, n.status) for n in case.nodes] == [
        (1, 12.5, "4R", Status.MALIGNANT),
        (7, pytest.approx(2 * 16 / np.sqrt(32)), "", None),
    ]
    assert "node 2" in case.warnings[0] and "node 7" in case.warnings[1]
    assert "no prediction" in case.warnings[2]


def test_a_node_that_the_assessment_does_not_name_is_refused(tmp_path, drawn):
    truth = drawn.mask(tmp_path / "t.nii.gz", (0, 6))
    made = drawn.assessment(tmp_path / "p", {1: (0, 6), 2: (10, 2)}, [(1, 9, "4R", None, 0.2, 0.9)])
    with pytest.raises(BadInputError, match="has node 2"):
        _case(truth, made)


def test_where_the_truth_is_not_complete_nothing_is_false(tmp_path, drawn):
    """Of three predictions without truth one lies in the region, one by half, one by less; a hit is kept anyhow."""
    truth = drawn.truth(tmp_path / "t", {1: (0, 6)}, [(1, 9, "4R", None)])
    drawn.mask(truth / "ignore.nii.gz", (2, 2), (10, 6), (30, 1))
    case = _case(truth, drawn.labels(tmp_path / "p.nii.gz", {1: (0, 4), 2: (10, 3), 3: (15, 2), 4: (30, 4)}))
    assert [node.id for node in case.predicted] == [1, 4]
    assert case.voxels.false_positives == 4 * 16
    assert case.warnings == ("2 predicted nodes where the truth is not complete, left out: 2, 3",)


def test_a_control_that_was_taken_for_a_node_is_named(tmp_path, drawn):
    from nodewise.io.truthfile import TrueControl, read_truth, write_truth

    truth = drawn.truth(tmp_path / "t", {1: (0, 6)}, [(1, 9, "4R", None)])
    drawn.labels(truth / "negatives.nii.gz", {1: (10, 3), 2: (13, 6)})
    size = {"centroid_lps_mm": (0, 0, 0), "short_axis_mm": 1, "long_axis_mm": 1, "volume_mm3": 1}
    controls = [TrueControl(id=1, kind="vessel", **size), TrueControl(id=2, kind="thymus", **size)]
    write_truth(read_truth(truth / "truth.json").model_copy(update={"negatives": controls}), truth / "truth.json")
    case = _case(truth, drawn.labels(tmp_path / "p.nii.gz", {1: (0, 6), 2: (12, 4), 3: (30, 2)}))
    assert [node.control for node in case.predicted] == ["", "thymus", ""]


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_a_threshold_that_keeps_all_or_nothing_is_refused(threshold):
    with pytest.raises(BadInputError, match="above 0, up to 1"):
        Reading(threshold=threshold)


def test_a_threshold_of_one_keeps_what_is_sure(tmp_path, drawn):
    truth = drawn.mask(tmp_path / "t.nii.gz", (0, 3))
    assert (
        len(_case(truth, drawn.map(tmp_path / "p.nii.gz", {1.0: (0, 3), 0.9: (10, 3)}), threshold=1.0).predicted) == 1
    )
    logits = drawn.map(tmp_path / "l.nii.gz", {20.0: (0, 3), 4.5: (10, 3)}, Quantity.LOGIT)
    assert len(_case(truth, logits, threshold=1.0, logits=True).predicted) == 1
