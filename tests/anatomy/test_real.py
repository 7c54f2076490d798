"""Landmarks on real scans, against the eye, a radiotherapy plan's contours and drawn vessels."""

import numpy as np
import pydicom
import pytest

from nodewise.anatomy.call import call_station
from nodewise.anatomy.read import read_anatomy
from nodewise.image.resample import resample
from nodewise.io.folder import read_study
from nodewise.values.anatomy import LandmarkStatus
from nodewise.values.station import Station

# x and z of the carina in LPS mm, read by eye from coronal sections of the scans as stored, ±3 mm
BY_EYE = {
    "heart-vessels-crops/aorta/ct_cropped.nii.gz": (-5.5, 718.5),
    "tiny-thorax/ct-64.nrrd": (0.0, -152.0),
}
BY_EYE_SLOW = {
    "thorax-contrast": (-8.0, -101.0),
    "thorax-noncontrast-nsclc": (-10.0, -426.0),
    "backgrounds/cmb-crc-msb-01068.nii.gz": (-10.0, -109.0),
    "backgrounds/lidc-idri-0002.nii.gz": (3.0, -131.0),
    "backgrounds/lidc-idri-0003.nii.gz": (-16.0, -165.0),
    "backgrounds/lidc-idri-0314.nii.gz": (-20.5, -491.0),
    "backgrounds/lung-pet-ct-dx-a0001.nii.gz": (-9.0, -247.0),
    "backgrounds/lung-pet-ct-dx-a0002.nii.gz": (-17.0, 236.0),
    "backgrounds/nsclc-radiogenomics-r01-001.nii.gz": (-12.5, -112.0),
}


def _check(found, eye):
    carina = found.landmarks["carina"]
    assert carina.status is LandmarkStatus.FOUND
    assert carina.lps_mm[0] == pytest.approx(eye[0], abs=5.0)
    assert carina.lps_mm[2] == pytest.approx(eye[1], abs=5.0)
    assert not any("which side is left" in line for line in found.warnings)
    right = call_station(found, np.array([carina.lps_mm]) + np.array([-13.0, -8.0, 20.0])).station
    assert right in (Station.S4R, Station.S2R)


@pytest.mark.parametrize(("name", "eye"), BY_EYE.items(), ids=BY_EYE)
def test_carina_against_the_eye(shared_data, name, eye):
    _check(read_anatomy(read_study(shared_data / name)), eye)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "eye"), BY_EYE_SLOW.items(), ids=BY_EYE_SLOW)
def test_carina_against_the_eye_in_large_scans(shared_data, name, eye):
    _check(read_anatomy(read_study(shared_data / name)), eye)


@pytest.mark.parametrize("name", ["neck/CT_enhance_pet_1446_neck_slice.nii.gz", "backgrounds/lungfcp-01-0001.nii.gz"])
def test_no_carina_where_the_scan_ends_above_it(shared_data, name):
    found = read_anatomy(read_study(shared_data / name))
    assert found.landmarks["carina"].status is LandmarkStatus.NOT_FOUND
    assert found.stations is None
    assert any("leaves the scan before it divides" in line for line in found.warnings)


def test_arch_top_against_the_drawn_aorta(shared_data):
    folder = shared_data / "heart-vessels-crops" / "aorta"
    aorta = read_study_mask(folder / "aorta.nii.gz")
    found = read_anatomy(read_study(folder / "ct_cropped.nii.gz"))
    assert found.landmarks["arch_top"].lps_mm[2] == pytest.approx(aorta[:, 2].max(), abs=4.0)


def read_study_mask(path):
    """LPS centres of a mask's voxels."""
    import nibabel

    image = nibabel.load(path)
    index = np.argwhere(np.asarray(image.dataobj) > 0)
    return nibabel.affines.apply_affine(image.affine, index) * (-1, -1, 1)


@pytest.mark.slow
def test_lungs_and_canal_against_a_radiotherapy_plan(shared_data):
    folder = shared_data / "thorax-noncontrast-nsclc"
    study = read_study(folder)
    found = read_anatomy(study)
    plan = pydicom.dcmread(folder / "rtstruct.dcm")
    names = {roi.ROINumber: roi.ROIName for roi in plan.StructureSetROISequence}
    contours = {names[c.ReferencedROINumber]: c.ContourSequence for c in plan.ROIContourSequence}
    labels = resample(found.organs, study.ct.grid).array
    for name, label in (("Lung-Right", 2), ("Lung-Left", 3)):
        truth, mask = _drawn(contours[name], study.ct.grid), labels == label
        assert 2 * (truth & mask).sum() / (truth.sum() + mask.sum()) > 0.94
    grid, errors = found.organs.grid, []
    for contour in contours["Spinal-Cord"]:
        centre = np.array(contour.ContourData, float).reshape(-1, 3).mean(axis=0)
        k = int(np.rint(grid.to_index(centre)[2]))
        canal = np.argwhere(found.organs.array[:, :, k] == 5) if 0 <= k < grid.shape[2] else np.zeros((0, 2))
        if len(canal):
            errors.append(np.hypot(*(grid.to_lps([*canal.mean(axis=0), k])[:2] - centre[:2])))
    assert len(errors) > 60
    assert np.mean(errors) < 2.0
    assert np.max(errors) < 4.5


def _within(polygon, points):
    """Whether points (n, 2) lie inside a polygon (m, 2): a ray along x crosses its sides an odd number of times."""
    (x0, y0), (x1, y1) = polygon.T[:, :, None], np.roll(polygon, -1, axis=0).T[:, :, None]
    x, y = points.T
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return (((y0 > y) != (y1 > y)) & (x < crossing)).sum(axis=0) % 2 == 1


def _drawn(contours, grid):
    """Contours filled slice by slice, a hole inside a contour left out."""
    mask = np.zeros(grid.shape, bool)
    i, j = np.meshgrid(np.arange(grid.shape[0]), np.arange(grid.shape[1]), indexing="ij")
    for contour in contours:
        index = grid.to_index(np.array(contour.ContourData, float).reshape(-1, 3))
        (i0, j0), (i1, j1) = np.floor(index[:, :2].min(axis=0)).astype(int), index[:, :2].max(axis=0).astype(int) + 2
        places = np.column_stack([i[i0:i1, j0:j1].ravel(), j[i0:i1, j0:j1].ravel()])
        inside = _within(index[:, :2], places).reshape(i1 - i0, j1 - j0)
        mask[i0:i1, j0:j1, int(np.rint(index[0, 2]))] ^= inside
    return mask
