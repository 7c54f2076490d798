"""Which series of a study is its CT, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.io.dicom_files import Series
from nodewise.io.dicom_header import code, whole
from nodewise.values.errors import BadInputError

CT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image Storage",
}
_OTHERS = {
    "MR": "an MR",
    "PT": "a PET",
    "NM": "a scintigram",
    "RTSTRUCT": "contours, not an image",
    "RTDOSE": "a radiation dose map",
    "RTPLAN": "a radiotherapy plan",
    "REG": "a registration",
    "SEG": "a segmentation, not an image",
    "SR": "a report (dose or measurements), not an image",
    "PR": "a presentation state, not an image",
    "KO": "a key object note, not an image",
    "DOC": "a document, not an image",
    "SC": "a secondary capture: a picture, not HU",
    "OT": "a picture of no CT",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PROJECTIONS = {"MIP", "MINIP", "MIN_IP", "MAX_IP", "PROJECTION IMAGE", "VOLUME_RENDER", "SCREEN SAVE", "SSD"}


def choose(series: Sequence[Series], where: str) -> tuple[Series, list[str]]:
    """The axial CT series with the most slices (on a tie the lowest series number), and a line on each of the others.

    Raises:
        BadInputError: no series is an axial CT of three slices or more, or such CTs belong to more than one study.
    """
    reasons = {id(one): why_not(one) for one in series}
    fit = [one for one in series if reasons[id(one)] is None]
    if not fit:
        told = list(dict.fromkeys(f"{one.name} is {reasons[id(one)]}" for one in series))
        more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
        raise BadInputError(f"{where}: no axial CT series of at least 3 slices: {'; '.join(told[:3])}{more}")
    studies = {str(one.first.header.get("StudyInstanceUID")) for one in fit}
    if len(studies) > 1:
        raise BadInputError(f"{where}: CTs of {len(studies)} different studies in one place; give one study at a time")
    best = min(fit, key=lambda one: (-one.places, whole(one.first.header.get("SeriesNumber")), one.first.uid))
    left_out = [
        f"{one.name}: {reasons[id(one)] or f'{one.places} axial CT slices, the series with {best.places} was taken'}"
        for one in series
        if one is not best
    ]
    return best, left_out


def why_not(series: Series) -> str | None:
    """Why a series is no stack of axial CT slices; None where it is one."""
    first = series.first
    modality, sop_class = str(first.header.get("Modality") or ""), str(first.header.get("SOPClassUID") or "")
    if sop_class.startswith(_SECONDARY_CAPTURE):
        return _OTHERS["SC"]
    if modality in _OTHERS:
        return _OTHERS[modality]
    if modality != "CT" or (sop_class and sop_class not in CT_CLASSES) or 0 in first.shape:
        return f"no CT image ({code(modality) if modality else 'no modality'})"
    return _why_no_slices(series) or _why_no_stack(series)


def _why_no_slices(series: Series) -> str | None:
    first = series.first
    if "LOCALIZER" in first.image_type:
        return "a localizer (scout)"
    if _PROJECTIONS.intersection(first.image_type):
        return "a projection or rendering, not slices"
    if whole(first.header.get("SamplesPerPixel")) > 1:
        return "a colour picture, not HU"
    unit = str(first.get("PixelValueTransformationSequence", "RescaleType") or "HU").strip().upper()
    return None if unit in {"HU", "US", "HU_MOD"} else f"a map of {code(unit)}, not HU"


def _why_no_stack(series: Series) -> str | None:
    first = series.first
    if first.position is None or first.rows is None or min(first.spacing) <= 0:
        return "without position, orientation or pixel spacing in the patient"
    normal = np.cross(first.rows[0], first.rows[1])
    axis = int(np.abs(normal).argmax())
    if axis != 2:
        return ("sagittal" if axis == 0 else "coronal") + " slices, not axial ones"
    if series.places < 3:
        return f"{series.places} slice{'s' * (series.places > 1)}: a volume is needed, give the whole series"
    return None
