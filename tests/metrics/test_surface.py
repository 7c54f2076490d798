"""Surface distances against the programs that define them: LNQ2023's on SimpleITK, MONAI, surface-distance."""

import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.metrics.surface import assd, contour_distances
from nodewise.metrics.surfels import areas_mm2, neighbour_codes

seeds = st.integers(0, 10**6)


def lnq_script(truth, prediction, spacing):
    """LNQ2023's: contours by LabelContour, distances by the absolute signed Maurer map."""
    contours, maps = [], []
    for mask in (truth, prediction):
        image = sitk.GetImageFromArray(mask.T.astype(np.uint8))
        image.SetSpacing(spacing)
        contour = sitk.LabelContour(image)
        distance = sitk.Abs(sitk.SignedMaurerDistanceMap(contour, squaredDistance=False, useImageSpacing=True))
        contours.append(sitk.GetArrayFromImage(contour).T > 0)
        maps.append(sitk.GetArrayFromImage(distance).T)
    return (maps[0][contours[1]].mean() + maps[1][contours[0]].mean()) / 2


@settings(max_examples=15)
@given(seeds)
def test_lnq_equals_its_script_on_simpleitk(blobs, seed):
    case = blobs(seed)
    reference = lnq_script(case.truth, case.prediction, case.spacing)
    assert assd(case.truth, case.prediction, case.spacing) == pytest.approx(reference, rel=1e-5)


def test_the_border_of_the_image_is_no_surface():
    """Half of the image in both, one slice apart: the script on SimpleITK, and the formula of SPEC by scipy."""
    truth, prediction = np.zeros((2, 6, 5, 4), bool)
    truth[:3], prediction[:4] = True, True
    spacing = (0.7, 1.0, 2.0)
    assert assd(truth, prediction, spacing) == pytest.approx(0.7)
    assert lnq_script(truth, prediction, spacing) == pytest.approx(0.7)


@settings(max_examples=15)
@given(seeds)
def test_lnq_equals_the_formula_by_distance_transforms(blobs, seed):
    case = blobs(seed)
    face = ndimage.generate_binary_structure(3, 1)
    contours = [m & ~ndimage.binary_erosion(m, face, border_value=1) for m in (case.truth, case.prediction)]
    maps = [ndimage.distance_transform_edt(~c, sampling=case.spacing) for c in contours]
    reference = maps[0][contours[1]].mean() / 2 + maps[1][contours[0]].mean() / 2
    assert assd(case.truth, case.prediction, case.spacing) == pytest.approx(reference)


@settings(max_examples=10)
@given(seeds)
def test_pooled_equals_monai(blobs, seed):
    import torch
    from monai.metrics import compute_average_surface_distance

    case = blobs(seed)
    truth, prediction = (torch.from_numpy(m)[None, None] for m in (case.truth, case.prediction))
    reference = compute_average_surface_distance(
        prediction, truth, include_background=True, symmetric=True, spacing=list(case.spacing)
    ).item()
    assert assd(case.truth, case.prediction, case.spacing, "pooled") == pytest.approx(reference, rel=1e-5)


@settings(max_examples=15)
@given(seeds)
def test_surfel_equals_surface_distance(blobs, seed):
    case = blobs(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from surface_distance import metrics

        found = metrics.compute_surface_distances(case.truth, case.prediction, case.spacing)
        reference = sum(metrics.compute_average_surface_distance(found)) / 2
    assert assd(case.truth, case.prediction, case.spacing, "surfel") == pytest.approx(reference)


@given(st.tuples(*[st.floats(0.3, 5)] * 3))
def test_the_area_of_every_neighbourhood_is_surface_distances(spacing):
    from surface_distance import lookup_tables

    kernel = lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
    reference = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    theirs = [sum(int(kernel[n & 1, n >> 1 & 1, n >> 2 & 1]) for n in range(8) if code >> n & 1) for code in range(256)]
    assert areas_mm2(spacing) == pytest.approx(reference[theirs])


def test_a_voxel_is_cut_at_its_eight_corners():
    """An octahedron with half a voxel to each tip: 8 triangles of √3/8."""
    codes = neighbour_codes(np.ones((1, 1, 1), bool))
    assert sorted(codes.ravel().tolist()) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert areas_mm2((1, 1, 1))[codes].sum() == pytest.approx(np.sqrt(3))


def test_two_voxels_apart_by_hand():
    truth, prediction = np.zeros((2, 9, 5, 5), bool)
    truth[2, 2, 2], prediction[5, 2, 2] = True, True
    spacing = (1.5, 1, 1)
    assert assd(truth, prediction, spacing) == assd(truth, prediction, spacing, "pooled") == pytest.approx(4.5)
    prediction[2, 2, 2] = True  # now one of its two contour voxels lies on the truth
    assert assd(truth, prediction, spacing) == pytest.approx((0 + 4.5 / 2) / 2)
    assert assd(truth, prediction, spacing, "pooled") == pytest.approx((0 + 0 + 4.5) / 3)
    assert sorted(contour_distances(truth, prediction, spacing).from_prediction.tolist()) == [0, 4.5]


@pytest.mark.parametrize("method", ["lnq", "surfel", "pooled"])
def test_equal_masks_are_0_apart_and_empty_ones_have_no_distance(method, blobs):
    case = blobs(3)
    nothing = np.zeros_like(case.truth)
    assert assd(case.truth, case.truth, case.spacing, method) == 0
    for pair in ((case.truth, nothing), (nothing, case.truth), (nothing, nothing)):
        assert np.isnan(assd(*pair, case.spacing, method))
    with pytest.raises(ValueError, match="do not match"):
        assd(case.truth, nothing[1:], case.spacing, method)
