"""NIfTI, NRRD and MetaImage files in; NIfTI out. NIfTI's RAS becomes LPS here and nowhere else."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.values.errors import BadInputError
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

log = logging.getLogger(__name__)

NIFTI = (".nii", ".nii.gz")
SUFFIXES = (*NIFTI, ".nrrd", ".nhdr", ".mha", ".mhd")
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM = {1: 1000.0, 3: 0.001}  # NIfTI-1 xyzt_units: metre, micron; millimetre is 2 and 0 unknown
_AIR_HU = -1024.0
_TWO_PLACES_MM = 0.75  # near half a turn a qform's float32 quaternion alone moves a CT's corner by up to 0.6 mm


def is_image(path: Path) -> bool:
    """Whether the file's name says NIfTI, NRRD or MetaImage."""
    return path.name.lower().endswith(SUFFIXES)


def read_image(path: Path) -> tuple[Volume, tuple[str, ...]]:
    """A CT from one file, on its own grid, and what a reader must know of it, one line each.

    A NIfTI's orientation is its sform, else its qform (NIfTI-1 standard, methods 3 and 2); where both are given and
    differ, or neither is, a warning says so. Values that are not finite become −1024 HU, with a warning.

    Returns:
        Volume of HU, float32, on the grid as stored (in LPS), and the warnings.

    Raises:
        BadInputError: not such a file, damaged, not one 3-D volume of plain numbers, or without a usable geometry.
    """
    array, grid, warnings = _read(path)
    hu = array.astype(np.float32, copy=False)
    finite = np.isfinite(hu)
    if not finite.all():
        lost = int(hu.size - np.count_nonzero(finite))
        if lost == hu.size:
            raise BadInputError(f"{path.name} holds no finite value: export it again")
        hu = np.array(hu, order="K")
        hu[~finite] = _AIR_HU
        warnings = (*warnings, f"{lost} voxels without a finite value were set to {_AIR_HU:.0f} HU")
    return Volume(hu, grid, Quantity.HU), warnings


def read_labels(path: Path) -> Volume:
    """A label map from one file, on its own grid: 0 is background, the type the smallest that holds the labels.

    Raises:
        BadInputError: as ``read_image``, or a value is negative or not whole.
    """
    array, grid, warnings = _read(path)
    for warning in warnings:
        log.warning("%s: %s", path.name, warning)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and np.array_equal(array, np.rint(array))):
        raise BadInputError(f"{path.name} holds values that are not whole numbers: a label map was expected")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.int32).max:
        raise BadInputError(f"{path.name} holds the label {low if low < 0 else high}: labels run from 0 to 2147483647")
    return Volume(array.astype(_smallest(low, high), copy=False), grid, Quantity.LABEL)


def read_map(path: Path) -> Volume:
    """What a segmentation program wrote: labels where every value is whole and not negative, else a map of numbers.

    Returns:
        LABEL; or float32, a PROBABILITY where all lie in 0 to 1 and a LOGIT where not; on the grid as stored.

    Raises:
        BadInputError: as ``read_image``, or a value is not finite.
    """
    array, grid, warnings = _read(path)
    for warning in warnings:
        log.warning("%s: %s", path.name, warning)
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise BadInputError(f"{path.name} holds values that are not finite: neither labels nor a probability map")
    whole = array.dtype.kind != "f" or all(np.array_equal(part, np.rint(part)) for part in array.T)
    if whole and low >= 0 and high <= np.iinfo(np.int32).max:
        return Volume(array.astype(_smallest(int(low), int(high)), copy=False), grid, Quantity.LABEL)
    kind = Quantity.PROBABILITY if low >= 0 and high <= 1 else Quantity.LOGIT
    return Volume(array.astype(np.float32, copy=False), grid, kind)


def write_nifti(volume: Volume, path: Path) -> None:
    """Write ``volume`` as NIfTI on its own grid, gzipped when ``path`` ends in ``.gz``.

    Masks and labels get the smallest of uint8, uint16, int16 and int32; HU that are all whole numbers get int16; the
    rest float32. sform and qform both carry the grid, code 1 (scanner). A qform cannot say shear: a grid sheared by
    more than 0.75 mm at its corners has none (code 0), so that ITK refuses the file rather than put it elsewhere.
    """
    import nibabel

    affine = _RAS_TO_LPS @ volume.grid.affine
    image = nibabel.Nifti1Image(_stored(volume), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    if _apart(affine, image.get_qform(), volume.grid.shape) > _TWO_PLACES_MM:
        image.set_qform(None, code=0)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _stored(volume: Volume) -> npt.NDArray[Any]:
    array = volume.array
    if volume.quantity is Quantity.MASK:
        return array.view(np.uint8)
    if volume.quantity is Quantity.LABEL:
        return array.astype(_smallest(int(array.min()), int(array.max())), copy=False)
    if volume.quantity is Quantity.HU and np.abs(array).max() <= np.iinfo(np.int16).max:
        whole = array.astype(np.int16)
        return whole if np.array_equal(whole, array) else array
    return array


def _smallest(low: int, high: int) -> type[np.integer[Any]]:
    kinds = (np.uint8, np.uint16, np.int16, np.int32)
    for kind in kinds:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    raise BadInputError(f"labels from {low} to {high} do not fit 32 bits")


def _read(path: Path) -> tuple[npt.NDArray[Any], Grid, tuple[str, ...]]:
    """Array in the file's own type where it can be, grid in LPS, warnings."""
    if not path.is_file():
        raise BadInputError(f"there is no file {path}")
    if not is_image(path):
        raise BadInputError(f"{path.name} is not an image file: {', '.join(SUFFIXES)} can be read")
    with _one_line(path):
        if path.name.lower().endswith(NIFTI):
            array, affine, warnings = _read_nifti(path)
        else:
            array, affine, warnings = _read_itk(path)
        grid = Grid(array.shape, affine)
    return array, grid, warnings


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """What the readers raise on a damaged file, as one line."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    damaged = (OSError, EOFError, ValueError, RuntimeError, MemoryError, OverflowError, TypeError, zlib.error)
    try:
        yield
    except (*damaged, ImageFileError, HeaderDataError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        why = lines[-1].removeprefix("sitk::ERROR: ").rstrip(".") if lines else type(error).__name__
        raise BadInputError(f"{path.name} cannot be read, it may be damaged or cut short: {why}") from error


def _read_nifti(path: Path) -> tuple[npt.NDArray[Any], Floats, tuple[str, ...]]:
    import nibabel

    image = nibabel.load(path, mmap=False)
    shape = image.shape
    if image.get_data_dtype().kind not in "iuf":
        raise BadInputError(f"{path.name} holds colours or complex numbers, not a CT")
    _check_axes(path, shape)
    warnings = _orientation_warnings(image)
    stored = (image.dataobj.slope, image.dataobj.inter) == (1.0, 0.0)
    array = np.asarray(image.dataobj) if stored else image.get_fdata(dtype=np.float32, caching="unchanged")
    scale = _MM.get(int(image.header["xyzt_units"]) % 8, 1.0)
    affine = np.diag([scale, scale, scale, 1.0]) @ _RAS_TO_LPS @ image.affine
    return array.reshape(shape[:3], order="F"), affine, warnings


def _check_axes(path: Path, shape: tuple[int, ...]) -> None:
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        size = "×".join(map(str, shape))
        raise BadInputError(f"{path.name} holds {size} voxels: one three-dimensional volume is wanted")


def _orientation_warnings(image: Any) -> tuple[str, ...]:
    sform, s_code = image.get_sform(coded=True)
    qform, q_code = image.get_qform(coded=True)
    if not s_code and not q_code:
        return ("the NIfTI header has no orientation: left and right are a guess",)
    if s_code and q_code and (apart := _apart(sform, qform, image.shape[:3])) > _TWO_PLACES_MM:
        return (f"the NIfTI header gives two orientations {apart:.1f} mm apart: the sform is used",)
    return ()


def _apart(one: Floats, other: Floats, shape: tuple[int, ...]) -> float:
    """Largest distance in mm, along an axis, between where two affines put the corners."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    return float(np.abs(corners @ (one - other)[:3, :3].T + (one - other)[:3, 3]).max())


def _read_itk(path: Path) -> tuple[npt.NDArray[Any], Floats, tuple[str, ...]]:
    import SimpleITK

    image = SimpleITK.ReadImage(path)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise BadInputError(f"{path.name} holds {image.GetNumberOfComponentsPerPixel()} numbers a voxel, not a CT")
    _check_axes(path, image.GetSize())
    if image.GetDimension() > 3:
        image = image[:, :, :, 0] if image.GetDimension() == 4 else image[:, :, :, 0, 0]
    nameless = path.suffix.lower() in {".nrrd", ".nhdr"} and not image.HasMetaDataKey("NRRD_space")
    warnings = ("the NRRD header has no space: its axes are taken to be left, back, head",) if nameless else ()
    direction = np.reshape(image.GetDirection(), (3, 3))
    grid = Grid.of(image.GetSize(), image.GetSpacing(), image.GetOrigin(), direction)
    return SimpleITK.GetArrayFromImage(image).T, grid.affine, warnings
