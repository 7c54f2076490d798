"""A mask in any format ends as the same labels on axes to left, back and head."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nodewise.io.itk import write_nifti
from nodewise.io.mask import read_mask
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume

SHAPE = (4, 5, 6)
LPS = Grid.of(SHAPE, (0.7, 0.8, 2.5), (-100, 20, 5))
STORED = Grid.of((6, 4, 5), (2.5, 0.7, 0.8), (-97.9, 20, 17.5), np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]]))


def drawn() -> Volume:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1, 2, 3], labels[3, 4, 5] = 4, 9
    return Volume(labels, LPS, Quantity.LABEL)


def write(path: Path) -> Path:
    volume = onto_axes_of(drawn(), STORED)
    if path.suffix == ".gz":
        write_nifti(volume, path)
    else:
        image = SimpleITK.GetImageFromArray(volume.array.T)
        image.SetSpacing(STORED.spacing)
        image.SetOrigin(STORED.origin)
        image.SetDirection(STORED.direction.ravel().tolist())
        SimpleITK.WriteImage(image, path)
    return path


def is_drawn(mask: Volume) -> bool:
    return mask.grid.same_as(LPS) and np.array_equal(mask.array, drawn().array) and mask.quantity is Quantity.LABEL


@pytest.mark.parametrize("name", ["m.nii.gz", "m.nrrd", "m.mha", "m.mhd"])
def test_every_format(name, tmp_path) -> None:
    assert is_drawn(read_mask(write(tmp_path / name)))


def test_a_folder_with_one_mask(tmp_path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    write(tmp_path / "deep" / "m.nrrd")
    assert is_drawn(read_mask(tmp_path))
    write(tmp_path / "n.nii.gz")
    with pytest.raises(BadInputError, match=r"several \(m.nrrd, n.nii.gz\)"):
        read_mask(tmp_path)


def test_a_zip_with_one_mask(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(write(tmp_path / "m.nii.gz"), "a/b/m.nii.gz")
    assert is_drawn(read_mask(tmp_path / "m.zip"))
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(BadInputError, match=r"none.zip, there are none"):
        read_mask(tmp_path / "none.zip")


def test_what_is_no_mask_is_refused(tmp_path) -> None:
    with pytest.raises(BadInputError, match="no file or folder"):
        read_mask(tmp_path / "absent")
    (tmp_path / "a.txt").write_text("x" * 300)
    with pytest.raises(BadInputError, match="neither DICOM nor"):
        read_mask(tmp_path / "a.txt")
    with pytest.raises(BadInputError, match="there are none"):
        read_mask(tmp_path)


def test_another_dicom_object_is_named(shared_data) -> None:
    with pytest.raises(BadInputError, match="is a RT Structure Set Storage object"):
        read_mask(shared_data / "thorax-noncontrast-nsclc" / "rtstruct.dcm")


def test_a_folder_with_a_dicom_seg(shared_data) -> None:
    mask = read_mask(shared_data / "dicom-edge" / "tiny-series-with-seg" / "seg")
    assert (mask.array == 1).sum() == 315
