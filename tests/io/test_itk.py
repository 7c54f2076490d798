"""Image files: every orientation survives reading, turning, cropping, resampling and writing."""

import gzip
import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nodewise.image.resample import resample
from nodewise.io.itk import is_image, read_image, read_labels, read_map, write_nifti
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps, onto_axes_of
from nodewise.values.volume import Quantity, Volume

TURNS = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SHAPE = (9, 11, 13)


def affine_of(turn, angles=(0.0, 0.0, 0.0), spacing=(1.5, 2.0, 2.5)) -> np.ndarray:
    """LPS affine around the origin of LPS space."""
    order, sign = turn
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ (np.eye(3)[:, order] * sign)
    affine[:3, :3] *= spacing
    affine[:3, 3] = -affine[:3, :3] @ (np.array(SHAPE) - 1) / 2
    return affine


def lump(grid: Grid, at: np.ndarray, radius: float = 4.0) -> np.ndarray:
    """A soft ball at an LPS point: its centre of mass can be found again after resampling."""
    distance = np.linalg.norm(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)) - at, axis=-1)
    return (1000 * np.exp(-((distance / radius) ** 2))).astype(np.float32)


def centre_of(volume: Volume) -> np.ndarray:
    index = np.indices(volume.grid.shape).reshape(3, -1)
    weight = volume.array.reshape(-1).astype(float)
    return volume.grid.to_lps((index * weight).sum(axis=1) / weight.sum())


def nifti(path: Path, array: np.ndarray, affine_lps: np.ndarray, sform: int = 1, qform: int = 1) -> Path:
    image = nibabel.Nifti1Image(array, RAS @ affine_lps)
    image.set_sform(RAS @ affine_lps, sform)
    image.set_qform(RAS @ affine_lps, qform)
    nibabel.save(image, path)
    return path


def brightest_lps_nibabel(path: Path) -> np.ndarray:
    image = nibabel.load(path)
    data = image.get_fdata()
    index = np.unravel_index(data.argmax(), data.shape)
    return (RAS @ image.affine @ (*index, 1))[:3]


def brightest_lps_simpleitk(path: Path) -> np.ndarray:
    image = SimpleITK.ReadImage(path)
    array = SimpleITK.GetArrayFromImage(image)
    z, y, x = (int(i) for i in np.unravel_index(array.argmax(), array.shape))
    return np.array(image.TransformIndexToPhysicalPoint((x, y, z)))


def survives(folder: Path, affine: np.ndarray, suffix: str) -> None:
    """A mark on the patient's left, behind and above the middle, through the whole way."""
    grid = Grid(SHAPE, affine)
    # within 5 mm of the middle, so that the lump is whole in every orientation of this small grid
    index = tuple(np.rint(grid.to_index((3.0, 2.0, 1.0))).astype(int))
    mark = grid.to_lps(index)
    stored = lump(grid, mark, 2.0)
    path = folder / f"in{suffix}"
    if suffix.startswith(".nii"):
        nifti(path, stored, affine)
    else:
        image = SimpleITK.GetImageFromArray(stored.T)
        image.SetSpacing(grid.spacing)
        image.SetOrigin(grid.origin)
        image.SetDirection(grid.direction.ravel().tolist())
        SimpleITK.WriteImage(image, path)

    native, warnings = read_image(path)
    assert warnings == ()
    assert native.grid.same_as(grid)
    assert np.array_equal(native.array, stored)

    ct = closest_lps(native)
    place = np.unravel_index(ct.array.argmax(), ct.array.shape)
    assert np.allclose(ct.grid.to_lps(place), mark, atol=1e-3)

    box = Box.around(ct.array > 50).expanded(1).clipped(ct.grid.shape)
    part = ct.crop(box)
    fine = resample(part, ct.grid.crop(box).resampled((1.0, 1.0, 1.0)), fill=0)
    assert np.linalg.norm(centre_of(fine) - mark) < 0.35
    assert centre_of(fine)[0] > 0, "left stays left"

    found = np.zeros(ct.grid.shape, np.uint8)
    found[place] = 7
    out = folder / "out.nii.gz"
    write_nifti(onto_axes_of(Volume(found, ct.grid, Quantity.LABEL), native.grid), out)
    assert np.allclose(brightest_lps_nibabel(out), mark, atol=1e-3)
    assert np.allclose(brightest_lps_simpleitk(out), mark, atol=1e-3)
    assert read_labels(out).grid.same_as(grid)
    assert nibabel.load(out).shape == SHAPE


@pytest.mark.parametrize("turn", TURNS)
def test_every_flip_and_permutation(turn, tmp_path) -> None:
    survives(tmp_path, affine_of(turn), ".nii")


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TURNS), st.tuples(*[st.floats(-44, 44)] * 3), st.sampled_from((".nii.gz", ".nrrd", ".mha")))
def test_oblique(tmp_path_factory, turn, angles, suffix) -> None:
    survives(tmp_path_factory.mktemp("oblique"), affine_of(turn, angles), suffix)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TURNS), st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(0.3, 8)] * 3), st.data())
def test_both_libraries_read_the_same_place(tmp_path_factory, turn, angles, spacing, data) -> None:
    affine = affine_of(turn, angles, spacing)
    affine[:3, 3] += [data.draw(st.floats(-900, 900)) for _ in range(3)]
    path = tmp_path_factory.mktemp("both") / "mask.nii.gz"
    grid = Grid(SHAPE, affine)
    write_nifti(Volume(np.zeros(SHAPE, bool), grid, Quantity.MASK), path)
    nib, itk = nibabel.load(path), SimpleITK.ReadImage(path)
    assert nib.get_sform(coded=True)[1] == nib.get_qform(coded=True)[1] == 1
    for corner in grid.corners:
        place = grid.to_lps(corner)
        assert np.allclose((RAS @ nib.affine @ (*corner, 1))[:3], place, atol=2e-3)
        # a qform's quaternion in float32 is coarse near half a turn; both libraries go by the sform
        assert np.allclose((RAS @ nib.get_qform() @ (*corner, 1))[:3], place, atol=0.15)
        assert np.allclose(itk.TransformIndexToPhysicalPoint([int(c) for c in corner]), place, atol=2e-3)


@pytest.mark.parametrize(
    ("array", "quantity", "stored"),
    [
        (np.ones(SHAPE, bool), Quantity.MASK, np.uint8),
        (np.full(SHAPE, 255, np.int64), Quantity.LABEL, np.uint8),
        (np.full(SHAPE, 256, np.int64), Quantity.LABEL, np.uint16),
        (np.full(SHAPE, 70000, np.int64), Quantity.LABEL, np.int32),
        (np.full(SHAPE, -1024, np.float32), Quantity.HU, np.int16),
        (np.full(SHAPE, 0.5, np.float32), Quantity.HU, np.float32),
        (np.full(SHAPE, 40000, np.float32), Quantity.HU, np.float32),
        (np.full(SHAPE, np.nan, np.float32), Quantity.HU, np.float32),
        (np.full(SHAPE, 1, np.float32), Quantity.PROBABILITY, np.float32),
    ],
)
def test_numbers_are_written_whole_in_the_smallest_type(array, quantity, stored, tmp_path) -> None:
    path = tmp_path / "v.nii.gz"
    write_nifti(Volume(array, Grid(SHAPE, affine_of(TURNS[0])), quantity), path)
    image = nibabel.load(path)
    assert image.get_data_dtype() == stored
    assert np.array_equal(np.asarray(image.dataobj), array, equal_nan=quantity is not Quantity.MASK)


def test_a_sheared_grid_is_written_for_sform_readers_only(tmp_path) -> None:
    affine = affine_of(TURNS[0])
    affine[1, 2] += 0.8
    path = tmp_path / "tilted.nii.gz"
    write_nifti(Volume(np.zeros(SHAPE, np.uint8), Grid(SHAPE, affine), Quantity.LABEL), path)
    assert np.allclose(nibabel.load(path).affine, RAS @ affine, atol=1e-4)
    assert nibabel.load(path).get_qform(coded=True)[1] == 0
    with pytest.raises(RuntimeError, match="orthonormal"):
        SimpleITK.ReadImage(path)
    assert read_labels(path).grid.same_as(Grid(SHAPE, affine))


def test_cosines_rounded_to_four_digits_are_no_shear(tmp_path) -> None:
    affine = affine_of(TURNS[0], (5, 8, 12))
    affine[:3, :3] = (affine[:3, :3] / (1.5, 2.0, 2.5)).round(4) * (1.5, 2.0, 2.5)
    path = tmp_path / "r.nii"
    write_nifti(Volume(np.zeros(SHAPE, np.uint8), Grid(SHAPE, affine), Quantity.LABEL), path)
    itk = SimpleITK.ReadImage(path)
    corner = [n - 1 for n in SHAPE]
    assert np.allclose(itk.TransformIndexToPhysicalPoint(corner), Grid(SHAPE, affine).to_lps(corner), atol=0.02)
    assert read_image(path)[1] == ()


def test_slope_and_intercept_are_applied(tmp_path) -> None:
    image = nibabel.Nifti1Image(np.full(SHAPE, 1064, np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -1024)
    image.to_filename(tmp_path / "scaled.nii")
    header = nibabel.load(tmp_path / "scaled.nii").dataobj
    assert (header.slope, header.inter) == (0.5, -1024)
    stored = header.get_unscaled().flat[0]
    volume, _ = read_image(tmp_path / "scaled.nii")
    assert (volume.array == stored * 0.5 - 1024).all()
    assert volume.array.dtype == np.float32


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)])
def test_units_of_length_are_heeded_as_itk_does(unit, factor, tmp_path) -> None:
    path = tmp_path / "u.nii"
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.int16), np.diag([2.0, 2, 2, 1]))
    image.header.set_xyzt_units(unit)
    image.to_filename(path)
    grid = read_image(path)[0].grid
    assert grid.spacing == pytest.approx((2 * factor,) * 3)
    assert grid.spacing == pytest.approx(SimpleITK.ReadImage(path).GetSpacing())


def test_no_orientation_is_said(tmp_path, caplog) -> None:
    path = nifti(tmp_path / "n.nii", np.zeros(SHAPE, np.int16), affine_of(TURNS[0]), sform=0, qform=0)
    assert "no orientation" in read_image(path)[1][0]
    read_labels(path)
    assert "n.nii: the NIfTI header has no orientation" in caplog.text


def test_two_orientations_are_said_and_the_sform_is_used(tmp_path) -> None:
    image = nibabel.Nifti1Image(np.zeros(SHAPE, np.int16), np.eye(4))
    image.set_sform(np.diag([-1.0, 1, 1, 1]), 1)
    image.set_qform(np.eye(4), 1)
    image.to_filename(tmp_path / "two.nii")
    volume, warnings = read_image(tmp_path / "two.nii")
    assert "two orientations 16.0 mm apart" in warnings[0]
    assert volume.grid.direction[0, 0] == 1


def test_one_orientation_of_the_two_is_enough(tmp_path) -> None:
    for sform, qform in ((2, 0), (0, 1)):
        path = nifti(tmp_path / "one.nii", np.zeros(SHAPE, np.int16), affine_of(TURNS[17]), sform, qform)
        volume, warnings = read_image(path)
        assert warnings == ()
        assert volume.grid.same_as(Grid(SHAPE, affine_of(TURNS[17])))


def test_values_that_are_not_finite_become_air_and_it_is_said(tmp_path) -> None:
    array = np.ones(SHAPE, np.float32)
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    volume, warnings = read_image(nifti(tmp_path / "nan.nii", array, affine_of(TURNS[0])))
    assert volume.array[0, 0, 0] == volume.array[1, 1, 1] == -1024
    assert volume.array.sum() == np.prod(SHAPE) - 2 - 2048
    assert warnings == ("2 voxels without a finite value were set to -1024 HU",)
    with pytest.raises(BadInputError, match="no finite value"):
        read_image(nifti(tmp_path / "nan.nii", array * np.nan, affine_of(TURNS[0])))


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_four_axes_with_one_volume_are_read_and_with_two_refused(suffix, tmp_path) -> None:
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    if suffix == ".nii":
        nifti(one, np.zeros((*SHAPE, 1), np.int16), np.eye(4))
        nifti(two, np.zeros((*SHAPE, 2), np.int16), np.eye(4))
    else:
        SimpleITK.WriteImage(SimpleITK.Image((*SHAPE, 1), SimpleITK.sitkInt16), one)
        SimpleITK.WriteImage(SimpleITK.Image((*SHAPE, 2), SimpleITK.sitkInt16), two)
    assert read_image(one)[0].grid.shape == SHAPE
    with pytest.raises(BadInputError, match="9×11×13×2 voxels"):
        read_image(two)


def test_pictures_and_colours_are_refused(tmp_path) -> None:
    colour = np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(BadInputError, match="colours"):
        read_image(nifti(tmp_path / "rgb.nii", colour, np.eye(4)))
    SimpleITK.WriteImage(SimpleITK.Image(SHAPE, SimpleITK.sitkVectorUInt8, 3), tmp_path / "rgb.nrrd")
    with pytest.raises(BadInputError, match="3 numbers a voxel"):
        read_image(tmp_path / "rgb.nrrd")
    with pytest.raises(BadInputError, match="9×11 voxels"):
        read_image(nifti(tmp_path / "flat.nii", np.zeros((9, 11), np.int16), np.eye(4)))


def damaged(folder: Path, kind: str) -> Path:
    whole = nifti(folder / "whole.nii", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), np.eye(4))
    data = whole.read_bytes()
    name, content = {
        "cut": ("a.nii", data[:1000]),
        "cut gzip": ("a.nii.gz", gzip.compress(data)[:700]),
        "not gzip": ("a.nii.gz", data),
        "flipped gzip": ("a.nii.gz", (z := gzip.compress(data))[:600] + b"\xff" * 40 + z[640:]),
        "text": ("a.nii", b"hello" * 200),
        "empty": ("a.nii.gz", b""),
        "empty nrrd": ("a.nrrd", b""),
        "cut nrrd": ("a.nrrd", b"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n\n12"),
        "text mha": ("a.mha", b"hello"),
        "lost mhd": (
            "a.mhd",
            b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_SHORT\nElementDataFile = b.raw\n",
        ),
    }[kind]
    (folder / name).write_bytes(content)
    return folder / name


KINDS = [
    "cut",
    "cut gzip",
    "not gzip",
    "flipped gzip",
    "text",
    "empty",
    "empty nrrd",
    "cut nrrd",
    "text mha",
    "lost mhd",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_gives_one_line(kind, tmp_path) -> None:
    path = damaged(tmp_path, kind)
    for read in (read_image, read_labels):
        with pytest.raises(BadInputError) as told:
            read(path)
        assert str(told.value).startswith(f"{path.name} cannot be read")
        assert "\n" not in str(told.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=8), st.integers(0, 351))
def test_a_nifti_header_with_wrong_bytes_is_read_or_refused(tmp_path_factory, junk, at) -> None:
    folder = tmp_path_factory.mktemp("junk")
    path = nifti(folder / "a.nii", np.zeros((3, 4, 5), np.int16), np.eye(4))
    data = bytearray(path.read_bytes())
    data[at : at + len(junk)] = junk
    path.write_bytes(bytes(data))
    try:
        volume, _ = read_image(path)
    except BadInputError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(volume.array).all()


def test_what_is_no_image_file_is_refused(tmp_path) -> None:
    with pytest.raises(BadInputError, match="there is no file"):
        read_image(tmp_path / "none.nii")
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(BadInputError, match="can be read"):
        read_image(tmp_path / "a.jpg")
    assert not is_image(tmp_path / "a.jpg")
    assert is_image(tmp_path / "A.NII.GZ")


def test_nrrd_without_a_space_is_said(tmp_path) -> None:
    head = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 3\nencoding: raw\nendian: little\n\n"
    (tmp_path / "a.nrrd").write_bytes(head + bytes(16))
    volume, warnings = read_image(tmp_path / "a.nrrd")
    assert volume.grid.spacing == (1, 1, 3)
    assert "no space" in warnings[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.int64])
def test_labels_are_whole_numbers_in_the_smallest_type(dtype, tmp_path) -> None:
    array = np.zeros(SHAPE, dtype)
    array[2, 3, 4] = 120
    image = nibabel.Nifti1Image(array, np.eye(4), dtype=dtype)
    image.to_filename(tmp_path / "m.nii.gz")
    labels = read_labels(tmp_path / "m.nii.gz")
    assert labels.array.dtype == np.uint8
    assert np.argwhere(labels.array == 120).tolist() == [[2, 3, 4]]


@pytest.mark.parametrize(
    ("value", "why"), [(0.5, "not whole"), (np.nan, "not whole"), (-1, "label -1"), (3e9, "label 3")]
)
def test_labels_that_are_none_are_refused(value, why, tmp_path) -> None:
    array = np.zeros(SHAPE, np.float64)
    array[2, 3, 4] = value
    with pytest.raises(BadInputError, match=why):
        read_labels(nifti(tmp_path / "m.nii", array, np.eye(4)))


def test_real_files(shared_data) -> None:
    neck, warnings = read_image(shared_data / "neck" / "CT_enhance_pet_1446_neck_slice.nii.gz")
    assert neck.grid.shape == (159, 155, 30)
    assert neck.grid.spacing == pytest.approx((1.17, 1.17, 5), abs=0.01)
    assert warnings == ()
    thorax, _ = read_image(shared_data / "tiny-thorax" / "ct-64.nrrd")
    assert thorax.array.min() >= -1100
    lungs = read_labels(shared_data / "tiny-thorax" / "lm-64.nrrd")
    assert lungs.grid.same_as(thorax.grid)
    assert thorax.array[lungs.array > 0].mean() < -500


def nrrd(path: Path, space: str, directions: str, origin: str) -> Path:
    head = f"NRRD0005\ntype: short\ndimension: 3\nspace: {space}\nsizes: 2 3 4\nspace directions: {directions}\n"
    head += f"kinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: {origin}\n\n"
    path.write_bytes(head.encode() + np.arange(24, dtype="<i2").tobytes())
    return path


def test_nrrd_in_ras_becomes_lps(tmp_path) -> None:
    path = nrrd(tmp_path / "a.nrrd", "right-anterior-superior", "(1,0,0) (0,2,0) (0,0,3)", "(10,20,30)")
    volume, warnings = read_image(path)
    assert warnings == ()
    assert volume.grid.to_lps((1, 1, 1)).tolist() == [-11, -22, 33]
    assert volume.array[1, 2, 3] == 23


def test_a_sheared_nrrd_keeps_its_places(tmp_path) -> None:
    path = nrrd(tmp_path / "a.nrrd", "left-posterior-superior", "(1,0,0) (0,2,0) (0,1,3)", "(10,20,30)")
    volume, warnings = read_image(path)
    assert np.allclose(volume.grid.to_lps((0, 0, 2)), (10, 22, 36))
    assert warnings == ()


@pytest.mark.parametrize(
    ("values", "dtype", "quantity"),
    [
        ((0, 1), np.uint8, Quantity.LABEL),
        ((0, 7, 300), np.int16, Quantity.LABEL),
        ((0, 1, 2), np.float32, Quantity.LABEL),
        ((0, 0.25, 1), np.float32, Quantity.PROBABILITY),
        ((-3.5, 0.25, 1), np.float32, Quantity.LOGIT),
        ((-1, 0, 1), np.int16, Quantity.LOGIT),
        ((0, 0.5, 1.5), np.float64, Quantity.LOGIT),
    ],
)
def test_labels_and_maps_are_told_apart_by_what_they_hold(tmp_path, values, dtype, quantity):
    array = np.resize(np.array(values, dtype), (4, 3, 2))
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "m.nii.gz")
    read = read_map(tmp_path / "m.nii.gz")
    assert read.quantity is quantity and np.array_equal(read.array, array)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_with_values_that_are_not_finite_is_refused(tmp_path, value):
    nibabel.save(nibabel.Nifti1Image(np.full((3, 3, 3), value, np.float32), np.eye(4)), tmp_path / "m.nii")
    with pytest.raises(BadInputError, match="not finite"):
        read_map(tmp_path / "m.nii")
