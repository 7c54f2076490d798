"""One DICOM file's header: what each of its slices is and where it lies."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.values.grid import Floats

_TAGS = [
    *("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("Modality", "ImageType", "SeriesNumber", "AcquisitionNumber", "InstanceNumber", "TemporalPositionIdentifier"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "Rows", "Columns"),
    *("NumberOfFrames", "SamplesPerPixel", "RescaleSlope", "RescaleIntercept", "RescaleType", "LossyImageCompression"),
    *("Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "KVP", "PatientPosition"),
    *("ContrastBolusAgent", "ContrastBolusRoute", "ContrastBolusAgentSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One image of a DICOM file, or the file itself where it holds no image.

    Attributes:
        frame: index in a multi-frame file, else 0. header: the file's header, no pixels.
        position: centre of the first pixel, LPS mm. rows: unit vectors (2, 3) along a row and down a column.
        spacing: mm between pixels along a row and down a column. shape: columns and rows, zero without an image.
    """

    path: Path
    frame: int
    header: Any
    position: Floats | None
    rows: Floats | None
    spacing: tuple[float, float]
    shape: tuple[int, int]
    slope: float
    intercept: float
    image_type: tuple[str, ...]

    def get(self, group: str, name: str) -> Any:
        """An attribute from the frame's functional group, the shared one, or the file; None where absent."""
        return _attribute(self.header, self.frame, group, name)

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.header.get("SeriesInstanceUID") or "")

    @property
    def order(self) -> tuple[int, int, int]:
        """Acquisition, instance and frame number: which of two slices at one place goes first."""
        acquisition = self.get("FrameContentSequence", "FrameAcquisitionNumber") or self.header.get("AcquisitionNumber")
        return (whole(acquisition), whole(self.header.get("InstanceNumber")), self.frame)


@contextmanager
def damage_as(error: Exception) -> Iterator[None]:
    """Turn whatever pydicom raises on a damaged file into ``error``, and silence its warnings on odd values."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        try:
            yield
        except Exception as cause:  # pydicom has no common base for them
            raise error from cause


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does: ``DICM`` after the preamble (PS3.10 7.1), or group 8 where it lacks one."""
    try:
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return False
    return head[128:] == b"DICM" or (len(head) == 132 and head[:2] == b"\x08\x00" and head[3] == 0)


def read_header(path: Path) -> list[Slice]:
    """The slices of one DICOM file, without pixels.

    Raises:
        ValueError: the file is damaged.
    """
    import pydicom

    with damage_as(ValueError(f"{path.name}: a damaged DICOM file")):
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        for _ in header.iterall():  # pydicom converts values when they are asked for: damage shows here, not later
            pass
    if "SOPClassUID" not in header and "Modality" not in header:
        raise ValueError("no SOP class and no modality")
    return [_slice(path, frame, header) for frame in range(len(header.get("PerFrameFunctionalGroupsSequence") or "1"))]


def _slice(path: Path, frame: int, header: Any) -> Slice:
    def get(group: str, name: str) -> Any:
        return _attribute(header, frame, group, name)

    spacing = _floats(get("PixelMeasuresSequence", "PixelSpacing"), 2)
    types = get("CTImageFrameTypeSequence", "FrameType") or header.get("ImageType") or ()
    return Slice(
        path=path,
        frame=frame,
        header=header,
        position=_floats(get("PlanePositionSequence", "ImagePositionPatient"), 3),
        rows=_unit_rows(_floats(get("PlaneOrientationSequence", "ImageOrientationPatient"), 6)),
        spacing=(0.0, 0.0) if spacing is None else (float(spacing[1]), float(spacing[0])),
        shape=(whole(header.get("Columns")), whole(header.get("Rows"))),
        slope=number(get("PixelValueTransformationSequence", "RescaleSlope"), 1.0),
        intercept=number(get("PixelValueTransformationSequence", "RescaleIntercept"), 0.0),
        image_type=tuple(str(part).strip().upper() for part in ([types] if isinstance(types, str) else types)),
    )


def _attribute(header: Any, frame: int, group: str, name: str) -> Any:
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for functional in (*per_frame[frame : frame + 1], *shared[:1]):
        for item in (functional.get(group) or ())[:1]:
            if item.get(name) is not None:
                return item.get(name)
    return header.get(name)


def _unit_rows(six: Floats | None) -> Floats | None:
    """Both in-plane directions, or None where they are not perpendicular to within half a degree."""
    if six is None:
        return None
    rows = six.reshape(2, 3)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if lengths.min() < 0.9 or lengths.max() > 1.1 or abs(float((rows / lengths).prod(axis=0).sum())) > 0.01:
        return None
    return np.asarray(rows / lengths)


def _floats(value: Any, count: int) -> Floats | None:
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def number(value: Any, default: float) -> float:
    """``value`` as a number, ``default`` where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def code(value: Any) -> str:
    """``value`` where it is a short code, as of DICOM's VR CS (PS3.5, 6.2); "unreadable" in a damaged file."""
    text = str(value).strip()
    return text if re.fullmatch(r"[A-Za-z0-9_ .%/^*-]{1,16}", text) else "unreadable"


def whole(value: Any) -> int:
    """``value`` as a whole number, 0 where it is none."""
    return int(number(value, 0.0))
