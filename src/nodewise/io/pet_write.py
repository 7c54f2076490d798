"""A PET volume as a DICOM series (PS3.3 A.21, PET Image Storage) in Bq/ml: for phantoms and tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from nodewise.io.dicom_write import decimals, patient_module, plane_module, uid_of, write_slices
from nodewise.io.suv import Injection
from nodewise.values.volume import Quantity, Volume

PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
_SERIES_START = datetime(2000, 1, 1, 11, 0)  # a scanner's clock, without a time zone
_BED_MM, _BED_S = 160.0, 120.0


def write_pet_series(
    volume: Volume,
    folder: Path,
    injection: Injection,
    *,
    identity: str,
    patient_name: str = "Phantom^0001",
    body_part: str = "CHEST",
    series_number: int = 2,
) -> None:
    """Write one slice file for each plane of the third array axis, ``slice-0001.dcm`` and on.

    Whole-body emission scan, bed by bed from the feet, corrected for decay to the start of the series; signed 16-bit
    with a slope of its own for each slice. The same input gives the same bytes; slices share study and frame of
    reference with a CT of the same ``identity``.

    Args:
        volume: SUVbw, not negative; rows run along the first array axis, columns along the second.
        folder: made where it is missing.
        injection: dose, weight and time, which make Bq/ml of SUV.
        identity: text from which all UIDs are made; the patient ID.
        patient_name: in DICOM's form, ``Family^Given``.
        body_part: a defined term of Body Part Examined (PS3.16 annex L), of an unpaired part.
        series_number: of this series in the study.

    Raises:
        ValueError: not SUV, negative, or rows that are not perpendicular to columns.
    """
    if volume.quantity is not Quantity.SUV or volume.array.min() < 0:
        raise ValueError(f"a PET series holds SUV from 0 up, not {volume.quantity.value} from {volume.array.min():g}")
    common = {
        **patient_module(identity, patient_name),
        "PatientWeight": decimals([injection.weight_kg])[0],
        **_series(identity, series_number, volume.grid.shape[2]),
        **_isotope(injection),
        "BodyPartExamined": body_part,
        **plane_module(volume.grid),
    }
    write_slices(folder, volume.grid, common, _slices(volume, injection, identity, series_number))


def _slices(volume: Volume, injection: Injection, identity: str, series: int) -> Iterator[Mapping[str, Any]]:
    """What each slice has of its own: pixels, slope, and when its bed was scanned."""
    count = volume.grid.shape[2]
    rate = math.log(2) / injection.half_life_s
    for index, plane in enumerate(volume.array.T):
        becquerel = plane / injection.suv_per_bq_ml
        slope = decimals([max(float(becquerel.max()), 1.0) / 32767])[0]
        bed_start = _BED_S * int(index * volume.grid.spacing[2] / _BED_MM)
        middle = bed_start + math.log(rate * _BED_S / -math.expm1(-rate * _BED_S)) / rate
        begun = _SERIES_START + timedelta(seconds=bed_start)
        yield {
            "SOPInstanceUID": uid_of(identity, series, index + 1),
            "PixelData": np.rint(becquerel / float(slope)).astype("<i2"),
            "RescaleSlope": slope,
            "RescaleIntercept": "0",
            "AcquisitionDate": f"{begun:%Y%m%d}",
            "AcquisitionTime": f"{begun:%H%M%S}",
            "ActualFrameDuration": str(int(1000 * _BED_S)),
            "FrameReferenceTime": decimals([round(1000 * middle, 3)])[0],
            "DecayFactor": decimals([round(2 ** (middle / injection.half_life_s), 6)])[0],
            "ImageIndex": count - index,
        }


def _series(identity: str, number: int, slices: int) -> dict[str, Any]:
    """Series, equipment, PET series and image (PS3.3 C.7.3, C.7.5, C.8.9.1, C.8.9.4)."""
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": PET_IMAGE_STORAGE,
        "Modality": "PT",
        "SeriesInstanceUID": uid_of(identity, "series", number),
        "SeriesNumber": number,
        "SeriesDate": f"{_SERIES_START:%Y%m%d}",
        "SeriesTime": f"{_SERIES_START:%H%M%S}",
        "Manufacturer": "nodewise",
        "ManufacturerModelName": "simulated scanner",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "ContentDate": f"{_SERIES_START:%Y%m%d}",
        "ContentTime": f"{_SERIES_START:%H%M%S}",
        "AcquisitionNumber": 1,
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "NumberOfSlices": slices,
        "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        "DecayCorrection": "START",
        "AttenuationCorrectionMethod": "CT",
        "CollimatorType": "NONE",
        "LossyImageCompression": "00",
    }


def _isotope(injection: Injection) -> dict[str, Any]:
    """PET isotope and patient orientation (PS3.3 C.8.9.2, C.8.4.6)."""
    from pydicom.dataset import Dataset

    given = _SERIES_START - timedelta(seconds=injection.seconds_to_scan)
    tracer = Dataset()
    tracer.Radiopharmaceutical = "Fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartTime = f"{given:%H%M%S.%f}"
    tracer.RadiopharmaceuticalStartDateTime = f"{given:%Y%m%d%H%M%S.%f}"
    tracer.RadionuclideTotalDose = decimals([injection.dose_bq])[0]
    tracer.RadionuclideHalfLife = decimals([injection.half_life_s])[0]
    tracer.RadionuclidePositronFraction = "0.967"
    tracer.RadionuclideCodeSequence = [_code("77004003", "^18^Fluorine")]
    tracer.RadiopharmaceuticalCodeSequence = [_code("35321007", "Fluorodeoxyglucose F^18^")]
    lying = _code("102538003", "recumbent")
    lying.PatientOrientationModifierCodeSequence = [_code("40199007", "supine")]
    return {
        "RadiopharmaceuticalInformationSequence": [tracer],
        "PatientOrientationCodeSequence": [lying],
        "PatientGantryRelationshipCodeSequence": [_code("102540001", "headfirst")],
    }


def _code(value: str, meaning: str) -> Any:
    """A SNOMED CT code (PS3.16 CID 19, 20, 21, 4020, 4021)."""
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code
