"""Voxels in common, against SimpleITK, MONAI and scikit-learn."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix

from nodewise.metrics.overlap import VoxelCounts, count_voxels, count_voxels_by_slice, normalised, voxel_confusion

masks = arrays(bool, (4, 3, 3), elements=st.booleans())


def test_by_hand(drawn):
    counts = count_voxels(drawn("111..1"), drawn(".1111."))
    assert counts == VoxelCounts(2, 2, 2)
    assert (counts.dice(), counts.precision, counts.recall) == (0.5, 0.5, 0.5)


def test_empty_masks():
    neither, no_truth, no_prediction = VoxelCounts(0, 0, 0), VoxelCounts(0, 3, 0), VoxelCounts(0, 0, 3)
    assert neither.dice() == 1 and np.isnan(neither.dice(both_empty=np.nan))
    assert no_truth.dice() == no_prediction.dice() == 0
    assert np.isnan([neither.precision, neither.recall, no_truth.recall, no_prediction.precision]).all()
    assert no_truth.precision == no_prediction.recall == 0
    assert count_voxels(np.zeros((2, 2, 2)), np.zeros((2, 2, 2))) == neither


@settings(max_examples=40)
@given(masks, masks)
def test_equals_simpleitk(truth, prediction):
    if not truth.any() and not prediction.any():
        return  # SimpleITK says inf there
    counts = count_voxels(truth, prediction)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*(sitk.GetImageFromArray(a.astype(np.uint8)) for a in (prediction, truth)))
    assert counts.dice() == pytest.approx(overlap.GetDiceCoefficient())
    if truth.any():
        assert counts.recall == pytest.approx(1 - overlap.GetFalseNegativeError())
    if prediction.any():
        assert 1 - counts.precision == pytest.approx(overlap.GetFalseDiscoveryRate())


def test_dice_equals_monai(blobs):
    import torch
    from monai.metrics import compute_dice

    for seed in range(3):
        case = blobs(seed)
        truth, prediction = (torch.from_numpy(a)[None, None].float() for a in (case.truth, case.prediction))
        assert count_voxels(case.truth, case.prediction).dice() == pytest.approx(compute_dice(prediction, truth).item())


@given(masks, masks)
def test_slices_add_up_to_the_whole(truth, prediction):
    slices = count_voxels_by_slice(truth, prediction)
    whole = count_voxels(truth, prediction)
    assert sum(s.true_positives for s in slices) == whole.true_positives
    assert sum(s.false_positives for s in slices) == whole.false_positives
    assert sum(s.false_negatives for s in slices) == whole.false_negatives
    assert len(slices) == (truth | prediction).any(axis=(0, 1)).sum()


@given(*[arrays(np.uint8, (4, 3, 2), elements=st.integers(0, 3))] * 2)
def test_confusion_equals_scikit_learn(truth, prediction):
    table = voxel_confusion(truth, prediction, 4)
    assert np.array_equal(table, confusion_matrix(truth.ravel(), prediction.ravel(), labels=range(4)))
    for by, axis in (("truth", 1), ("prediction", 0)):
        shares = normalised(table, by)
        whole = table.sum(axis=axis)
        assert np.array_equal(np.isnan(shares.sum(axis=axis)), whole == 0)
        assert shares.sum(axis=axis)[whole > 0] == pytest.approx(1)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="do not match"):
        count_voxels(np.zeros((2, 2, 2)), np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="classes are 0 to 2, but 3"):
        voxel_confusion(np.full((1, 1, 1), 3), np.zeros((1, 1, 1), int), 3)
    with pytest.raises(ValueError, match="classes are 0 to 2, but -1"):
        voxel_confusion(np.full((1, 1, 1), -1), np.zeros((1, 1, 1), int), 3)
