"""SUVbw from a PET's header: QIBA's cases, and everything that makes an SUV wrong refused in one line."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from nodewise.io.suv import F18_HALF_LIFE_S, Injection, injection_of, suv_factor
from nodewise.values.errors import BadInputError


def header(**changes) -> Dataset:
    """370 MBq into 70 kg, an hour before the series; an attribute set to None is left out."""
    tracer = Dataset()
    own = {"RadionuclideTotalDose": "3.7E8", "RadionuclideHalfLife": "6586.2", "RadiopharmaceuticalStartTime": "100000"}
    facts = {
        "Units": "BQML",
        "CorrectedImage": ["ATTN", "DECY"],
        "DecayCorrection": "START",
        "PatientWeight": "70",
        "SeriesDate": "20240301",
        "SeriesTime": "110000",
        "AcquisitionDate": "20240301",
        "AcquisitionTime": "110200",
    }
    for name, value in (own | {n: v for n, v in changes.items() if n.startswith("Radio")}).items():
        if value is not None:
            setattr(tracer, name, value)
    made = Dataset()
    for name, value in (facts | {n: v for n, v in changes.items() if not n.startswith("Radio")}).items():
        if value is not None:
            setattr(made, name, value)
    made.RadiopharmaceuticalInformationSequence = [tracer]
    return made


HOUR = 70_000 / (3.7e8 * 0.5 ** (3600 / 6586.2))


def test_an_hour_of_decay():
    assert suv_factor([header()], "x") == pytest.approx(HOUR, rel=1e-12)
    assert injection_of([header()], "x") == Injection(3.7e8, 70, 3600)


def test_an_even_spread_has_an_suv_of_1():
    """The dose left, over a body of 1 g/ml, is by definition 1."""
    injection = Injection(2.5e8, 80.0, 4000.0)
    left = 2.5e8 * math.exp(-math.log(2) * 4000 / F18_HALF_LIFE_S)
    assert left / 80_000 * injection.suv_per_bq_ml == pytest.approx(1)


def test_one_half_life_doubles_the_factor():
    assert Injection(1e8, 70, 6586.2).suv_per_bq_ml == pytest.approx(2 * Injection(1e8, 70, 0).suv_per_bq_ml)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"RadiopharmaceuticalStartDateTime": "20240301093000.00"}, 5400),  # rather than the time alone
        ({"RadiopharmaceuticalStartTime": "101500.500"}, 2699.5),
        ({"RadiopharmaceuticalStartTime": "233000", "SeriesTime": "003000", "AcquisitionTime": "003000"}, 3600),
        ({"DecayCorrection": "ADMIN"}, 0),
        ({"AcquisitionTime": "110000"}, 3600),
        ({"SeriesTime": "110000.000000", "AcquisitionTime": "110000.0"}, 3600),
        ({"RadiopharmaceuticalStartDateTime": "20240301100000+0100"}, 3600),
        ({"AcquisitionDate": None, "AcquisitionTime": None, "AcquisitionDateTime": "20240301110500"}, 3600),
    ],
)
def test_from_the_injection_to_the_series(changes, seconds):
    assert injection_of([header(**changes)], "x").seconds_to_scan == pytest.approx(seconds)


def test_the_earliest_bed_decides_whether_the_series_time_is_the_scan_s():
    """A series saved again later than the first bed was scanned has lost the time of reference."""
    beds = [header(AcquisitionTime="112000"), header(AcquisitionTime="105900")]
    with pytest.raises(BadInputError, match="time that decay is corrected to is not given"):
        suv_factor(beds, "x")


def test_ge_says_the_time_of_its_own():
    saved_later = header(SeriesTime="180000")
    block = saved_later.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20240301110000.00")
    assert suv_factor([saved_later], "x") == pytest.approx(HOUR)


def test_a_series_saved_later_is_timed_by_its_frames():
    """Acquisition at 11:02, of two minutes, whose mean activity is that of 180 s after the reference less a little."""
    rate = math.log(2) / 6586.2
    mean = -math.log(-math.expm1(-rate * 120) / (rate * 120)) / rate
    later = header(SeriesTime="180000", ActualFrameDuration="120000", FrameReferenceTime=f"{1000 * (120 + mean):.4f}")
    assert injection_of([later], "x").seconds_to_scan == pytest.approx(3600, abs=0.01)
    assert mean == pytest.approx(59.94, abs=0.01)


def philips(**elements) -> Dataset:
    counts = header(Units="CNTS")
    block = counts.private_block(0x7053, "Philips PET Private Group", create=True)
    for name, value in elements.items():
        block.add_new(int(name[1:], 16), "DS", value)
    return counts


def test_philips_counts():
    assert suv_factor([philips(x00="0.000551")], "x") == pytest.approx(0.000551)
    assert suv_factor([philips(x00="0", x09="1.5")], "x") == pytest.approx(1.5 * HOUR)
    with pytest.raises(BadInputError, match="counts without a factor"):
        suv_factor([philips()], "x")


def test_suv_already():
    assert suv_factor([header(Units="GML")], "x") == 1
    assert suv_factor([header(Units="GML", SUVType="BW")], "x") == 1
    with pytest.raises(BadInputError, match="SUV by LBM"):
        suv_factor([header(Units="GML", SUVType="LBM")], "x")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"PatientWeight": None}, "the patient's weight is missing"),
        ({"PatientWeight": "0"}, "the patient's weight is missing"),
        ({"PatientWeight": "70000"}, "70000 kg cannot be"),
        ({"RadionuclideTotalDose": None}, "the dose is missing"),
        ({"RadionuclideTotalDose": "370"}, "in Bq, not MBq"),
        ({"RadionuclideHalfLife": None}, "the half life is missing"),
        ({"RadiopharmaceuticalStartTime": None}, "no time of injection"),
        ({"RadiopharmaceuticalStartTime": ""}, "no time of injection"),
        ({"RadiopharmaceuticalStartDateTime": "20240301120000"}, "injected -1.0 h before the scan"),
        ({"RadiopharmaceuticalStartDateTime": "20140301100000"}, "dates or times were altered"),
        ({"CorrectedImage": ["DECY"]}, "not corrected for attenuation"),
        ({"CorrectedImage": None}, "not corrected for attenuation"),
        ({"CorrectedImage": "ATTN"}, "not decay corrected"),
        ({"DecayCorrection": "NONE"}, "not decay corrected"),
        ({"DecayCorrection": None}, "not decay corrected"),
        ({"SeriesDate": None}, "time that decay is corrected to is not given"),
        ({"Units": "PROPCNTS"}, "in units of PROPCNTS"),
        ({"Units": None}, "in units of nothing"),
    ],
)
def test_what_makes_an_suv_wrong_is_refused(changes, why):
    with pytest.raises(BadInputError, match=why) as refused:
        suv_factor([header(**changes)], "series 3")
    assert str(refused.value).startswith("series 3: ") and "\n" not in str(refused.value)


def test_no_tracer():
    bare = header()
    del bare.RadiopharmaceuticalInformationSequence
    with pytest.raises(BadInputError, match="no Radiopharmaceutical Information Sequence"):
        suv_factor([bare], "x")


@given(st.floats(1e7, 1e9), st.floats(1, 300), st.floats(0, 20_000))
def test_factor_and_activity_are_inverse(dose, weight, seconds):
    injection = Injection(dose, weight, seconds)
    whole = injection.suv_per_bq_ml * dose / (weight * 1000)
    assert np.log2(whole) == pytest.approx(seconds / F18_HALF_LIFE_S, abs=1e-9)
