"""Whatever a path holds: one study, many, or nothing that can be read."""

import shutil
import stat
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import find_studies, read_study
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps, onto_axes_of
from nodewise.values.volume import Quantity, Volume


def chest() -> Volume:
    rng = np.random.default_rng(0)
    hu = rng.integers(-1010, -990, (12, 10, 4)).astype(np.float32)
    hu[2:10, 2:8] = rng.integers(0, 90, (8, 6, 4))
    return Volume(np.asfortranarray(hu), Grid.of(hu.shape, (1.5, 1.5, 3.0), (-18.0, -15.0, 100.0)), Quantity.HU)


def write_dicom(folder, identity="a", **more):
    write_ct_series(chest(), folder, identity=identity, **more)


def write_image(path, array=None, direction=None):
    volume = chest()
    image = sitk.GetImageFromArray((volume.array if array is None else array).T)
    image.SetSpacing(volume.grid.spacing)
    image.SetOrigin(volume.grid.origin)
    if direction is not None:
        image.SetDirection(direction)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_an_image_file_and_a_folder_that_holds_it(suffix, tmp_path):
    write_image(tmp_path / "one" / f"ct{suffix}", direction=(-1, 0, 0, 0, 1, 0, 0, 0, -1))
    study = read_study(tmp_path / "one" / f"ct{suffix}")
    assert np.array_equal(study.ct.array, chest().array[::-1, :, ::-1])
    assert study.source.facts["orientation"] == "RPI"
    assert np.array_equal(onto_axes_of(study.ct, study.source.native).array, chest().array)
    again = read_study(str(tmp_path / "one"))
    assert again.id == study.id
    assert len(study.id) == 16


def test_the_id_is_that_of_the_image_not_of_the_file(tmp_path):
    write_image(tmp_path / "a.nrrd")
    write_image(tmp_path / "b.mha")
    write_image(tmp_path / "c.nrrd", array=chest().array + 1)
    a, b, c = (read_study(tmp_path / name).id for name in ("a.nrrd", "b.mha", "c.nrrd"))
    assert a == b != c


def test_values_below_air_become_air(tmp_path):
    hu = chest().array.copy()
    hu[0] = -3024
    write_image(tmp_path / "a.nrrd", array=hu)
    study = read_study(tmp_path / "a.nrrd")
    assert (study.ct.array[0] == -1024).all()
    assert np.array_equal(study.ct.array[1:], hu[1:])


def test_a_zip_reads_as_its_folder_and_leaves_nothing_behind(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    write_dicom(tmp_path / "p" / "deep" / "er")
    (tmp_path / "p" / "notes.txt").write_text("hello")
    zipped(tmp_path / "p", tmp_path / "p.zip")
    study = read_study(tmp_path / "p.zip")
    assert np.array_equal(study.ct.array, closest_lps(chest()).array)
    assert study.source.left_out == ("1 file not DICOM",)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../outside.dcm", "/outside.dcm", "a/../../outside.dcm", "..\\outside.dcm", "C:/outside.dcm"]
)
def test_a_zip_that_leads_outside_is_refused(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadInputError, match="leads out of the zip"):
        read_study(tmp_path / "bad.zip")
    assert not list(tmp_path.parent.glob("outside*"))


def test_a_link_in_a_zip_is_not_followed(tmp_path):
    entry = zipfile.ZipInfo("link.nii")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    write_image(tmp_path / "ct.nii")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(entry, str(tmp_path / "ct.nii"))
    with pytest.raises(BadInputError):
        read_study(tmp_path / "bad.zip")


def test_damaged_zips(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="not a zip"):
        read_study(tmp_path / "no.zip")
    write_dicom(tmp_path / "p")
    zipped(tmp_path / "p", tmp_path / "p.zip")
    data = bytearray((tmp_path / "p.zip").read_bytes())
    data[len(data) // 3] ^= 0xFF
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(BadInputError, match=r"p\.zip"):
        read_study(tmp_path / "p.zip")


def test_nothing_to_read(tmp_path):
    with pytest.raises(BadInputError, match="no such file or folder"):
        read_study(tmp_path / "missing")
    with pytest.raises(BadInputError, match="this folder is empty"):
        read_study(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(300))
    with pytest.raises(BadInputError, match=r"photo\.jpg: no DICOM, NIfTI, NRRD or MetaImage"):
        read_study(tmp_path / "photo.jpg")
    with pytest.raises(BadInputError, match="no DICOM, NIfTI, NRRD or MetaImage file in this folder"):
        read_study(tmp_path)


def test_several_images_in_a_folder_are_no_one_study(tmp_path):
    write_image(tmp_path / "a.nii")
    write_image(tmp_path / "b.nii")
    with pytest.raises(BadInputError, match="2 images, each a study of its own"):
        read_study(tmp_path)


def test_too_few_slices(tmp_path):
    write_image(tmp_path / "a.nii", array=chest().array[:, :, :2])
    with pytest.raises(BadInputError, match="a volume is needed"):
        read_study(tmp_path / "a.nii")


def names(path):
    found = find_studies(path)
    assert all(study.exists() for _, study in found)
    return [(name, str(study.relative_to(path))) for name, study in found]


def test_a_patient_with_contours_is_one_study(tmp_path):
    write_dicom(tmp_path / "patient" / "ct")
    write_dicom(tmp_path / "patient" / "lung", series_number=2)
    patient = tmp_path / "patient"
    assert names(patient) == [("patient", ".")]
    shutil.copy(patient / "ct" / "slice-0001.dcm", patient / "rtstruct.dcm")
    assert names(patient) == [("patient", ".")]
    assert names(patient / "ct") == [("ct", ".")]


def test_a_folder_of_studies_of_every_kind(tmp_path):
    write_dicom(tmp_path / "p1" / "ct", "1")
    write_dicom(tmp_path / "p2" / "before", "2a")
    write_dicom(tmp_path / "p2" / "after", "2b")
    write_image(tmp_path / "p3" / "ct.nii.gz")
    write_image(tmp_path / "p4.nii.gz")
    write_image(tmp_path / "p4.nrrd")
    (tmp_path / "broken.nii.gz").write_bytes(b"x")
    zipped(tmp_path / "p1", tmp_path / "p5.zip")
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / ".hidden").mkdir()
    assert names(tmp_path) == [
        ("broken", "broken.nii.gz"),
        ("empty", "empty"),
        ("p1", "p1"),
        ("p2-after", "p2/after"),
        ("p2-before", "p2/before"),
        ("p3-ct", "p3/ct.nii.gz"),
        ("p4", "p4.nii.gz"),
        ("p4-2", "p4.nrrd"),
        ("p5", "p5.zip"),
    ]
    read, failed = [], []
    for name, path in find_studies(tmp_path):
        try:
            read_study(path)
            read.append(name)
        except BadInputError:
            failed.append(name)
    assert failed == ["broken", "empty"]
    assert len(read) == 7


def test_one_dicom_study_beside_image_files(tmp_path):
    write_dicom(tmp_path / "p1" / "ct")
    write_image(tmp_path / "p2.nii")
    assert [study for _, study in names(tmp_path)] == [".", "p2.nii"]


def test_single_paths(tmp_path):
    write_image(tmp_path / "ct.v2.nii.gz")
    assert find_studies(tmp_path / "ct.v2.nii.gz") == [("ct.v2", tmp_path / "ct.v2.nii.gz")]
    (tmp_path / "nothing").mkdir()
    assert find_studies(tmp_path / "nothing") == [("nothing", tmp_path / "nothing")]
    with pytest.raises(BadInputError, match="no such"):
        find_studies(tmp_path / "missing")


def test_real_scans(shared_data):
    assert read_study(shared_data / "thorax-contrast").ct.grid.shape == (512, 512, 99)
    study = read_study(shared_data / "thorax-noncontrast-nsclc")
    assert study.ct.grid.shape == (512, 512, 134)
    assert study.source.left_out == ("RTSTRUCT series 3: contours, not an image",)
    assert study.source.warnings == ()
    for path in ("neck", "heart-vessels-crops/aorta/ct_cropped.nii.gz", "tiny-thorax/ct-64.nrrd"):
        assert read_study(shared_data / path).ct.array.min() >= -1024


def test_a_real_chest_as_simpleitk_reads_it(shared_data):
    study = read_study(shared_data / "thorax-contrast")
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(shared_data / "thorax-contrast"))
    image = sitk.ReadImage(files)
    assert np.array_equal(study.ct.array.T, np.maximum(sitk.GetArrayViewFromImage(image), -1024))
    assert np.allclose(study.ct.grid.spacing, image.GetSpacing(), atol=1e-6)
    assert np.allclose(study.ct.grid.origin, image.GetOrigin(), atol=1e-6)


def test_indices_of_media_and_results_of_nodewise_are_no_scans(tmp_path):
    write_dicom(tmp_path / "disc" / "IM" / "anna", identity="a")
    write_dicom(tmp_path / "disc" / "IM" / "bert", identity="b")
    (tmp_path / "disc" / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    for result in (tmp_path / "disc" / "out", tmp_path / "disc" / "IM" / "anna" / "out"):
        write_image(result / "nodes.nii.gz")
        (result / "assessment.json").write_text("{}")
    assert [name for name, _ in find_studies(tmp_path / "disc")] == ["IM-anna", "IM-bert"]
    assert read_study(tmp_path / "disc" / "IM" / "anna").source.left_out == ()


def test_file_names_are_not_told(tmp_path):
    write_dicom(tmp_path)
    (tmp_path / "Doe_Jane.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "Doe_Jane.txt").write_text("a letter")
    assert read_study(tmp_path).source.left_out == ("1 file damaged", "1 file not DICOM")
