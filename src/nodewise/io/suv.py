"""From activity in Bq/ml to SUVbw: uptake as a multiple of what an even spread over the body would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nodewise.io.dicom_header import number
from nodewise.values.errors import BadInputError

F18_HALF_LIFE_S = 6586.2
"""Of fluorine-18, as PS3.17 and scanners write it."""
_LEAST_DOSE_BQ = 1e6
_WEIGHTS_KG = (0.3, 700.0)
_DECAYED_AFTER = 10  # half lives: nobody scans a thousandth of the dose


@dataclass(frozen=True, slots=True)
class Injection:
    """A tracer as injected: ``seconds_to_scan`` runs from there to the time that the scan is decay corrected to."""

    dose_bq: float
    weight_kg: float
    seconds_to_scan: float
    half_life_s: float = F18_HALF_LIFE_S

    @property
    def suv_per_bq_ml(self) -> float:
        """SUVbw of 1 Bq/ml: body weight in g over the dose left at the time of the scan."""
        return self.weight_kg * 1000 / (self.dose_bq * 2 ** (-self.seconds_to_scan / self.half_life_s))


def suv_factor(headers: Sequence[Any], where: str) -> float:
    """What the rescaled pixels of a PET series have to be multiplied by to be SUVbw.

    The rules are QIBA's (FDG-PET/CT Profile 1.13, appendix G: vendor-neutral pseudo-code, Philips' and GE's private
    attributes among them).

    Args:
        headers: pydicom datasets of all slices.
        where: what messages call the series.

    Raises:
        BadInputError: what is needed is missing or cannot be, or the images are not corrected for attenuation or decay.
    """
    first = headers[0]
    units = str(first.get("Units") or "nothing")
    if "ATTN" not in _words(first, "CorrectedImage"):
        raise BadInputError(f"{where}: not corrected for attenuation: SUV needs the attenuation-corrected series")
    if units == "GML":
        kind = str(first.get("SUVType") or "BW")
        if kind == "BW":
            return 1.0
        raise BadInputError(f"{where}: SUV by {kind}, not by body weight: export the series in Bq/ml")
    if units == "CNTS":
        factor = _private(first, 0x7053, "Philips PET Private Group", 0x00)
        if factor:
            return factor
        to_bq_ml = _private(first, 0x7053, "Philips PET Private Group", 0x09)
        if not to_bq_ml:
            raise BadInputError(f"{where}: counts without a factor to SUV or Bq/ml: export the series in Bq/ml")
        return to_bq_ml * injection_of(headers, where).suv_per_bq_ml
    if units != "BQML":
        raise BadInputError(f"{where}: in units of {units}, not Bq/ml: export the series in Bq/ml")
    return injection_of(headers, where).suv_per_bq_ml


def injection_of(headers: Sequence[Any], where: str) -> Injection:
    """Dose, weight and time of a decay-corrected series.

    Raises:
        BadInputError: one of them is missing or cannot be, or the images are not decay corrected.
    """
    first = headers[0]
    tracer = (first.get("RadiopharmaceuticalInformationSequence") or [None])[0]
    if tracer is None:
        raise BadInputError(
            f"{where}: no Radiopharmaceutical Information Sequence: SUV needs dose and time of injection"
        )
    dose = number(tracer.get("RadionuclideTotalDose"), 0.0)
    half_life = number(tracer.get("RadionuclideHalfLife"), 0.0)
    weight = number(first.get("PatientWeight"), 0.0)
    for name, value in (("dose", dose), ("half life", half_life), ("patient's weight", weight)):
        if not (math.isfinite(value) and value > 0):
            raise BadInputError(f"{where}: the {name} is missing: SUV cannot be computed; export with it")
    if dose < _LEAST_DOSE_BQ:
        raise BadInputError(f"{where}: a dose of {dose:g} Bq cannot be: DICOM has it in Bq, not MBq")
    if not _WEIGHTS_KG[0] <= weight <= _WEIGHTS_KG[1]:
        raise BadInputError(f"{where}: a patient's weight of {weight:g} kg cannot be")
    decay = str(first.get("DecayCorrection") or "")
    if decay not in ("START", "ADMIN") or not _words(first, "CorrectedImage") & {"DECY", "DECAY"}:
        raise BadInputError(f"{where}: not decay corrected: SUV needs the decay-corrected series")
    elapsed = 0.0 if decay == "ADMIN" else _elapsed(headers, tracer, half_life, where)
    return Injection(dose, weight, elapsed, half_life)


def _elapsed(headers: Sequence[Any], tracer: Any, half_life: float, where: str) -> float:
    """Seconds from the injection to the time of reference."""
    reference = _reference(headers, half_life, where)
    start = _moment(str(tracer.get("RadiopharmaceuticalStartDateTime") or ""))
    if start is None:
        clock = str(tracer.get("RadiopharmaceuticalStartTime") or "")
        start = _moment(f"{reference:%Y%m%d}{clock}") if clock else None
        if start is None:
            raise BadInputError(f"{where}: no time of injection: SUV cannot be computed; export with it")
        if start > reference:  # injected before midnight, scanned after it
            start -= timedelta(days=1)
    seconds = (reference - start).total_seconds()
    if not 0 <= seconds <= _DECAYED_AFTER * half_life:
        raise BadInputError(
            f"{where}: injected {seconds / 3600:.1f} h before the scan, which cannot be: dates or times were altered"
        )
    return seconds


def _reference(headers: Sequence[Any], half_life: float, where: str) -> datetime:
    """The time that the images are decay corrected to: the series' where the acquisition began then or later."""
    first = headers[0]
    series = _moment(_joined(first, "Series"))
    acquired = [m for m in (_moment(_joined(h, "Acquisition")) for h in headers) if m is not None]
    if series is not None and acquired and series <= min(acquired):
        return series
    began = _private_text(first, 0x0009, "GEMS_PETD_01", 0x0D)
    scan = _moment(began)
    if scan is not None:
        return scan
    mine = _moment(_joined(first, "Acquisition"))
    duration, middle = (number(first.get(n), -1.0) / 1000 for n in ("ActualFrameDuration", "FrameReferenceTime"))
    if mine is None or duration <= 0 or middle < 0:
        raise BadInputError(f"{where}: the time that decay is corrected to is not given: export the original series")
    rate = math.log(2) / half_life
    average = math.log(rate * duration / -math.expm1(-rate * duration)) / rate
    return mine + timedelta(seconds=average - middle)


def _joined(header: Any, kind: str) -> str:
    date, time = header.get(f"{kind}Date"), header.get(f"{kind}Time")
    return f"{date}{time}" if date and time else str(header.get(f"{kind}DateTime") or "")


def _moment(text: str) -> datetime | None:
    """A DICOM DT, or DA and TM joined, without its time zone; None where it is none."""
    digits = text.strip().split("+")[0].split("-")[0]
    whole, _, fraction = digits.partition(".")
    try:
        moment = datetime.strptime(whole.ljust(14, "0"), "%Y%m%d%H%M%S")
        return moment + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError:
        return None


def _words(header: Any, name: str) -> set[str]:
    value = header.get(name) or ()
    return {str(word).strip().upper() for word in ([value] if isinstance(value, str) else value)}


def _private(header: Any, group: int, creator: str, element: int) -> float | None:
    """A positive number of a vendor's own; None where it is not there."""
    value = number(_private_text(header, group, creator, element), 0.0)
    return value if math.isfinite(value) and value > 0 else None


def _private_text(header: Any, group: int, creator: str, element: int) -> str:
    try:
        value = header.private_block(group, creator)[element].value
    except KeyError:
        return ""
    return value.decode("ascii", "replace").strip(" \0") if isinstance(value, bytes) else str(value)
