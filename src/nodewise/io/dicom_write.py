"""A CT volume as a DICOM series (PS3.3 A.3, CT Image Storage): for phantoms and tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_INTERCEPT = -1024


def write_ct_series(  # noqa: PLR0913 - as many facts as a header takes
    volume: Volume,
    folder: Path,
    *,
    identity: str,
    patient_name: str = "Phantom^0001",
    body_part: str = "CHEST",
    kernel: str = "",
    contrast: bool = False,
    series_number: int = 1,
    slice_mm: float | None = None,
) -> None:
    """Write one slice file for each plane of the third array axis, ``slice-0001.dcm`` and on.

    Signed 16-bit, HU rounded to whole numbers, explicit little endian. The same input gives the same bytes. Slices of
    one ``identity`` share study and frame of reference, whatever the ``series_number``.

    Args:
        volume: HU; rows run along the first array axis, columns along the second, in any direction.
        folder: made where it is missing.
        identity: text from which all UIDs are made (RFC 4122 name-based, PS3.5 B.2); the patient ID.
        patient_name: in DICOM's form, ``Family^Given``.
        body_part: a defined term of Body Part Examined (PS3.16 annex L), of an unpaired part.
        kernel: convolution kernel, as reported.
        contrast: whether an agent was given.
        series_number: of this series in the study.
        slice_mm: thickness of the slices; as far apart as they are where None.

    Raises:
        ValueError: not HU, HU beyond 16 bits, or rows that are not perpendicular to columns.
    """
    if volume.quantity is not Quantity.HU:
        raise ValueError(f"a CT series holds HU, not {volume.quantity.value}")
    if volume.array.min() - _INTERCEPT < -(2**15) or volume.array.max() - _INTERCEPT > 2**15 - 1:
        raise ValueError("HU that do not fit into 16 bits")
    common = {
        **patient_module(identity, patient_name),
        **_series(identity, series_number, kernel, contrast),
        "BodyPartExamined": body_part,
        **plane_module(volume.grid),
        "PatientPosition": "HFP" if volume.grid.direction[1, 1] < 0 else "HFS",
    }
    if slice_mm is not None:
        common["SliceThickness"] = decimals([slice_mm])[0]
    slices = (
        {"SOPInstanceUID": uid_of(identity, series_number, n), "PixelData": (np.rint(p) - _INTERCEPT).astype("<i2")}
        for n, p in enumerate(volume.array.T, start=1)
    )
    write_slices(folder, volume.grid, common, slices)


def write_slices(folder: Path, grid: Grid, common: Mapping[str, Any], slices: Iterable[Mapping[str, Any]]) -> None:
    """Write one file a slice: attributes by keyword, ``common`` and each slice's own, ``PixelData`` an array."""
    from pydicom.dataset import FileDataset

    folder.mkdir(parents=True, exist_ok=True)
    for number, own in enumerate(slices, start=1):
        path = folder / f"slice-{number:04d}.dcm"
        meta = _file_meta(common["SOPClassUID"], own["SOPInstanceUID"])
        dataset: Any = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        place = {"InstanceNumber": number, "ImagePositionPatient": decimals(grid.to_lps((0, 0, number - 1)))}
        for name, value in {**common, **place, **own, "PixelData": own["PixelData"].tobytes()}.items():
            setattr(dataset, name, value)
        dataset["PixelData"].VR = "OW"
        dataset.save_as(path, enforce_file_format=True)


def uid_of(*parts: object) -> str:
    """The same UID for the same parts (RFC 4122 name-based, PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(('nodewise', *map(str, parts)))).int}"


def _file_meta(sop_class: str, uid: str) -> Any:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid_of("implementation")
    meta.ImplementationVersionName = "NODEWISE"
    return meta


def patient_module(identity: str, name: str) -> dict[str, Any]:
    """Patient, study and frame of reference (PS3.3 C.7.1, C.7.2, C.7.4)."""
    return {
        "PatientName": name,
        "PatientID": identity[:64],
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyInstanceUID": uid_of(identity, "study"),
        "StudyDate": "20000101",
        "StudyTime": "000000",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "FrameOfReferenceUID": uid_of(identity, "frame of reference"),
        "PositionReferenceIndicator": "",
    }


def _series(identity: str, number: int, kernel: str, contrast: bool) -> dict[str, Any]:
    """Series, equipment and CT image (PS3.3 C.7.3, C.7.5, C.8.2.1)."""
    facts: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": CT_IMAGE_STORAGE,
        "Modality": "CT",
        "SeriesInstanceUID": uid_of(identity, "series", number),
        "SeriesNumber": number,
        "Manufacturer": "nodewise",
        "ManufacturerModelName": "simulated scanner",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ContentDate": "20000101",
        "ContentTime": "000000",
        "AcquisitionNumber": 1,
        "KVP": "120",
        "RescaleIntercept": str(_INTERCEPT),
        "RescaleSlope": "1",
        "RescaleType": "HU",
    }
    if kernel:
        facts["ConvolutionKernel"] = kernel
    if contrast:
        facts |= {"ContrastBolusAgent": "SIMULATED", "ContrastBolusRoute": "IV"}
    return facts


def plane_module(grid: Grid) -> dict[str, Any]:
    """Image plane and pixels (PS3.3 C.7.6.2, C.7.6.3)."""
    direction = grid.direction
    if abs(float(direction[:, 0] @ direction[:, 1])) > 1e-4:
        raise ValueError("DICOM slices need rows perpendicular to columns")
    normal = np.cross(direction[:, 0], direction[:, 1])
    return {
        "ImageOrientationPatient": decimals(direction[:, :2].T.ravel()),
        "PixelSpacing": decimals((grid.spacing[1], grid.spacing[0])),
        "SliceThickness": decimals([abs(float(normal @ grid.affine[:3, 2]))])[0],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Columns": grid.shape[0],
        "Rows": grid.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
    }


def decimals(values: Any) -> list[Any]:
    """Numbers as decimal strings, as exact as their 16 characters allow."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value) + 0.0, auto_format=True) for value in values]
