"""DICOM SEG in every encoding, held against the array it was made of."""

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from highdicom.seg import SegmentationTypeValues
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy.spatial.transform import Rotation

from nodewise.io.mask import read_mask
from nodewise.io.seg import read_seg
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity

SHAPE = (12, 10, 6)
DIRECTIONS = {
    "axial": np.eye(3),
    "feet first": np.diag([1.0, 1, -1]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "oblique": Rotation.from_euler("xyz", (12, -8, 20), degrees=True).as_matrix(),
}


def slices(grid: Grid) -> list[pydicom.Dataset]:
    """A CT series without pixels, just enough for a segmentation to refer to."""
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    made = []
    for k in range(grid.shape[2]):
        ds = pydicom.Dataset()
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = CTImageStorage, generate_uid(), "CT"
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = series, study, frame
        ds.PatientID = ds.AccessionNumber = ds.StudyID = "x"
        ds.PatientName = "Nobody^At All"
        ds.PatientBirthDate = ds.PatientSex = ds.StudyDate = ds.StudyTime = ds.PositionReferenceIndicator = None
        ds.SeriesNumber, ds.InstanceNumber = 1, k + 1
        ds.Rows, ds.Columns = grid.shape[1], grid.shape[0]
        ds.ImageOrientationPatient = [*grid.direction[:, 0], *grid.direction[:, 1]]
        ds.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((0, 0, k))]
        ds.PixelSpacing = [grid.spacing[1], grid.spacing[0]]
        ds.SliceThickness = grid.spacing[2]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        made.append(ds)
    return made


def write_seg(path: Path, array: np.ndarray, grid: Grid, kind: str, numbers: tuple[int, ...] = (1, 2)) -> Path:
    """``array`` is a label map (x, y, z), or (x, y, z, segment) for fractions and overlaps."""
    descriptions = [
        highdicom.seg.SegmentDescription(
            number, f"node {number}", codes.SCT.AnatomicalStructure, codes.SCT.LymphNode, "MANUAL"
        )
        for number in numbers
    ]
    highdicom.seg.Segmentation(
        source_images=slices(grid),
        pixel_array=np.moveaxis(array, (0, 1, 2), (2, 1, 0)),
        segmentation_type=SegmentationTypeValues(kind),
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="x",
        device_serial_number="x",
        max_fractional_value=200,
    ).save_as(path)
    return path


def drawn() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:5, 3:6, 1:3] = 1
    labels[8, 7, 4] = 2
    return labels


def on_the_same_places(volume, expected: np.ndarray, grid: Grid) -> bool:
    """The object may hold fewer slices, or the same the other way round: compare places of labelled voxels."""

    def places(array, g: Grid) -> np.ndarray:
        index = np.argwhere(array)
        rows = np.column_stack([g.to_lps(index).round(2), array[tuple(index.T)]])
        return rows[np.lexsort(rows.T)]

    return np.allclose(places(volume.array, volume.grid), places(expected, grid), atol=0.02)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_segment_is_its_number_in_its_place(kind, direction, tmp_path) -> None:
    grid = Grid.of(SHAPE, (0.75, 0.75, 2.5), (-30, -20, 100), DIRECTIONS[direction])
    volume = read_seg(write_seg(tmp_path / "s.dcm", drawn(), grid, kind))
    assert volume.quantity is Quantity.LABEL
    assert volume.array.dtype == np.uint8
    assert volume.grid.spacing == pytest.approx(grid.spacing)
    assert on_the_same_places(volume, drawn(), grid)


def test_one_slice_keeps_its_thickness(tmp_path) -> None:
    grid = Grid.of(SHAPE, (0.75, 0.75, 2.5), (-30, -20, 100))
    labels = drawn() * (drawn() == 1)
    labels[:, :, 2:] = 0
    volume = read_seg(write_seg(tmp_path / "s.dcm", labels, grid, "BINARY"))
    assert volume.grid.spacing == pytest.approx(grid.spacing)
    assert on_the_same_places(volume, labels, grid)


def test_a_fraction_counts_from_a_half(tmp_path) -> None:
    grid = Grid.of(SHAPE, (0.75, 0.75, 2.5))
    fractions = np.zeros((*SHAPE, 2), np.float32)
    fractions[2:5, 3:6, 1:3, 0] = 0.6
    fractions[6, 3:6, 1:3, 0] = 0.4
    fractions[8, 7, 4, 1] = 1
    assert on_the_same_places(read_seg(write_seg(tmp_path / "s.dcm", fractions, grid, "FRACTIONAL")), drawn(), grid)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_overlapping_segments_are_refused(kind, tmp_path) -> None:
    both = np.zeros((*SHAPE, 2), np.uint8 if kind == "BINARY" else np.float32)
    both[2:5, 3:6, 1:3] = 1
    path = write_seg(tmp_path / "s.dcm", both, Grid.of(SHAPE, (0.75, 0.75, 2.5)), kind)
    with pytest.raises(BadInputError, match="its segments overlap"):
        read_seg(path)


def test_what_is_no_segmentation_is_refused(tmp_path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"hello" * 100)
    with pytest.raises(BadInputError, match="not a readable DICOM"):
        read_seg(tmp_path / "a.dcm")
    ds = slices(Grid.of(SHAPE, (1, 1, 1)))[0]
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    for read in (read_seg, read_mask):
        with pytest.raises(BadInputError, match=r"ct\.dcm"):
            read(tmp_path / "ct.dcm")


def test_a_cut_file_is_refused(tmp_path) -> None:
    path = write_seg(tmp_path / "s.dcm", drawn(), Grid.of(SHAPE, (0.75, 0.75, 2.5)), "BINARY")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadInputError, match=r"s\.dcm"):
        read_seg(path)


def test_an_old_object_gives_what_its_nrrd_twin_gives(shared_data) -> None:
    folder = shared_data / "dicom-edge" / "tiny-series-with-seg"
    volume = read_mask(folder / "seg" / "label.seg")
    twin = SimpleITK.ReadImage(folder / "nrrd" / "label.nrrd")
    assert np.allclose(volume.grid.spacing, twin.GetSpacing())
    assert np.allclose(volume.grid.origin, twin.GetOrigin(), atol=1e-4)
    assert np.array_equal(volume.array, SimpleITK.GetArrayFromImage(twin).T)
