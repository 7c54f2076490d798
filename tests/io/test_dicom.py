"""Which series is read, how its pixels become HU, and what never leaves the headers."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import read_study
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

LOSSLESS = ("1.2", "1.2.1", "1.2.2", "1.2.1.99", "1.2.4.57", "1.2.4.70", "1.2.4.80", "1.2.4.90", "1.2.5")


def chest(slices: int = 6, seed: int = 0) -> Volume:
    """A body of noisy tissue in air, 24 × 20 pixels."""
    rng = np.random.default_rng(seed)
    hu = rng.integers(-1010, -990, (24, 20, slices)).astype(np.float32)
    hu[4:20, 4:16] = rng.integers(0, 90, (16, 12, slices))
    return Volume(np.asfortranarray(hu), Grid.of(hu.shape, (1.5, 1.5, 3.0), (-18.0, -15.0, 100.0)), Quantity.HU)


def rewrite(folder, change):
    """Apply ``change(dataset, number)`` to every slice of a folder."""
    for number, file in enumerate(sorted(folder.iterdir())):
        item = pydicom.dcmread(file)
        change(item, number)
        item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID
        item.save_as(file)


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "study" / "ct"
    write_ct_series(chest(), folder, identity="a", patient_name="Secret^Person")
    return folder


def other_series(folder, name, number, change, slices=8):
    write_ct_series(chest(slices), folder.parent / name, identity="a", series_number=number)
    rewrite(folder.parent / name, change)


def setter(**values):
    def change(item, number):
        for key, value in values.items():
            setattr(item, key, value)

    return change


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MIP"]}, "projection"),
        ({"Modality": "MR"}, "an MR"),
        ({"Modality": "PT"}, "a PET"),
        ({"Modality": "SR"}, "a report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"RescaleType": "Z_EFF"}, "map of Z_EFF"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "coronal"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "sagittal"),
    ],
)
def test_other_series_are_left_out_with_the_reason(ct, values, reason):
    other_series(ct, "other", 2, setter(**values))
    study = read_study(ct.parent)
    assert np.array_equal(study.ct.array, chest().array)
    assert len(study.source.left_out) == 1
    assert reason in study.source.left_out[0]
    assert "series 2" in study.source.left_out[0]
    with pytest.raises(BadInputError, match=reason):
        read_study(ct.parent / "other")


def test_the_series_with_most_slices_is_taken_and_on_a_tie_the_first(ct):
    other_series(ct, "longer", 5, setter(), slices=9)
    other_series(ct, "tie", 7, setter(), slices=9)
    study = read_study(ct.parent)
    assert study.ct.grid.shape[2] == 9
    assert study.source.left_out == (
        "CT series 1: 6 axial CT slices, the series with 9 was taken",
        "CT series 7: 9 axial CT slices, the series with 9 was taken",
    )


def test_a_scout_inside_the_series_itself_is_left_out(ct):
    first = sorted(ct.iterdir())[0]
    scout = pydicom.dcmread(first)
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.SOPInstanceUID = generate_uid()
    scout.save_as(ct / "scout")
    study = read_study(ct)
    assert np.array_equal(study.ct.array, chest().array)
    assert "localizer" in study.source.left_out[0]


def test_order_comes_from_positions_and_rescale_from_each_slice(ct):
    def change(item, number):
        item.InstanceNumber = (7 * number) % 6 + 1
        slope, intercept = 0.5 + number, -1024.0 + 10 * number
        hu = item.pixel_array - 1024.0
        item.PixelData = np.rint((hu - intercept) / slope).astype("<i2").tobytes()
        item.RescaleSlope, item.RescaleIntercept = slope, intercept

    rewrite(ct, change)
    for number, file in enumerate(sorted(ct.iterdir())):
        file.rename(ct / f"{(5 * number) % 6}")
    study = read_study(ct)
    assert np.abs(study.ct.array - chest().array).max() <= 3
    assert np.abs(study.ct.array[:, :, 0] - chest().array[:, :, 0]).max() <= 0.5


@pytest.mark.parametrize(
    ("stored", "value", "limit"),
    [(-2000, -2000, None), (-2000, 63536, None), (-3000, -2000, -3500), (32000, 32000, None), (-3000, None, None)],
)
def test_padding_becomes_air(ct, stored, value, limit):
    def change(item, number):
        pixels = item.pixel_array.copy()
        pixels[:3] = stored
        item.PixelData = pixels.tobytes()
        if value is not None:
            item.add_new("PixelPaddingValue", "US" if value > 32767 else "SS", value)
        if limit is not None:
            item.add_new("PixelPaddingRangeLimit", "SS", limit)

    rewrite(ct, change)
    study = read_study(ct)
    assert (study.ct.array[:, :3] == -1024).all()
    assert np.array_equal(study.ct.array[:, 3:], chest().array[:, 3:])


def test_padding_that_would_be_tissue_is_not_believed(ct):
    rewrite(ct, lambda item, number: item.add_new("PixelPaddingValue", "SS", 1064))
    study = read_study(ct)
    assert np.array_equal(study.ct.array, chest().array)
    assert study.source.warnings == ("padding value 1064 would be tissue: it was not taken for padding",)


def copy_slice(ct, name, change):
    item = pydicom.dcmread(ct / "slice-0003.dcm")
    item.SOPInstanceUID = generate_uid()
    change(item, 0)
    item.save_as(ct / name)


def test_a_slice_stored_twice_is_read_once(ct):
    copy_slice(ct, "again", setter(InstanceNumber=99))
    study = read_study(ct)
    assert np.array_equal(study.ct.array, chest().array)
    assert study.source.warnings == ("1 slice stored twice: the copies were dropped",)


def test_of_two_different_slices_at_one_place_the_lower_acquisition_is_kept(ct):
    def change(item, number):
        item.AcquisitionNumber = 2
        item.PixelData = (item.pixel_array + 5).tobytes()

    copy_slice(ct, "0000-first-by-name", change)
    study = read_study(ct)
    assert np.array_equal(study.ct.array, chest().array)
    assert "1 more slice with other pixels at places already filled, 106.0 mm" in study.source.warnings[0]


def test_two_phases_in_one_series_are_told_apart(ct):
    write_ct_series(chest(seed=1), ct / "late", identity="a")
    rewrite(ct / "late", setter(AcquisitionNumber=2))
    study = read_study(ct)
    assert np.array_equal(study.ct.array, chest(seed=0).array)
    assert study.source.left_out == ("CT series 1: 6 axial CT slices, the series with 6 was taken",)
    assert study.source.warnings == ()


def test_two_studies_are_not_mixed(ct):
    write_ct_series(chest(), ct / "other", identity="b")
    with pytest.raises(BadInputError, match="CTs of 2 different studies"):
        read_study(ct)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_lossless_compression_changes_nothing(ct, syntax):
    rewrite(ct, lambda item, number: item.compress(syntax, generate_instance_uid=False))
    assert np.array_equal(read_study(ct).ct.array, chest().array)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_damaged_compressed_pixels_are_refused_in_one_line(ct, syntax, capfd):
    def spoil(item, _number):
        item.compress(syntax, generate_instance_uid=False)
        item.PixelData = item.PixelData[:40] + b"\x07" * (len(item.PixelData) - 48) + item.PixelData[-8:]

    rewrite(ct, spoil)
    with pytest.raises(BadInputError, match=r"pixels cannot be read: damaged, or no decoder for .*; export it"):
        read_study(ct)
    assert capfd.readouterr().err == ""


def test_a_real_slice_in_every_transfer_syntax(shared_data, tmp_path, capfd):
    """Three copies of each file, moved apart: lossless ones equal the uncompressed, lossy ones come near."""
    folder = shared_data / "dicom-edge" / "syntaxes"
    reference = pydicom.dcmread(folder / "CTImage.dcm")
    wanted = np.maximum(reference.pixel_array.astype(float) - 1024, -1024)
    seen = set()
    for file in sorted(folder.glob("CTImage.dcm*")):
        item = pydicom.dcmread(file)
        target = tmp_path / file.name
        target.mkdir()
        for number in range(3):
            item.ImagePositionPatient = [-161.4, -148.8, 5.0 * number]
            item.SOPInstanceUID = item.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            item.save_as(target / str(number))
        syntax = str(item.file_meta.TransferSyntaxUID).removeprefix("1.2.840.10008.")
        seen.add(syntax)
        study = read_study(target)
        error = np.abs(study.ct.array - wanted.T[:, :, None])
        body = np.broadcast_to((wanted > -200).T[:, :, None], error.shape)
        if syntax in LOSSLESS:
            assert error.max() == 0, syntax
        else:
            assert error[body].mean() < (20 if syntax == "1.2.4.50" else 5), syntax
            assert "the images were compressed with loss" in study.source.warnings
    assert len(seen) == 15
    assert capfd.readouterr().err == ""


def test_every_edge_case_is_read_or_refused_in_one_line(shared_data):
    refused = {}
    for path in [p for p in sorted((shared_data / "dicom-edge").rglob("*")) if not p.name.startswith(".")]:
        try:
            assert read_study(path).ct.grid.shape == (512, 543, 12)
        except BadInputError as error:
            refused[path.name] = str(error)
    assert "gantry-tilt" not in refused
    assert all("\n" not in line and len(line) < 300 for line in refused.values())
    assert "intensities from 0 to 1 cannot be Hounsfield units" in refused["tiny-series-with-seg"]
    assert "1 slice: a volume is needed" in refused["01.dcm"]
    assert "segmentation" in refused["label.seg"]
    assert "no DICOM, NIfTI" in refused["brainlab.jpg"]


def test_enhanced_multi_frame_equals_its_slices(ct, tmp_path):
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    slices = [pydicom.dcmread(file) for file in sorted(ct.iterdir())]
    shuffled = [slices[k] for k in (3, 0, 5, 1, 4, 2)]
    frames = LegacyConvertedEnhancedCTImage(
        shuffled, generate_uid(), 9, generate_uid(), 1, transfer_syntax_uid=ExplicitVRLittleEndian
    )
    frames.save_as(tmp_path / "frames.dcm")
    study, single = read_study(tmp_path / "frames.dcm"), read_study(ct)
    assert np.array_equal(study.ct.array, single.ct.array)
    assert study.ct.grid.same_as(single.ct.grid)
    assert study.source.uids["sop_class"] == "1.2.840.10008.5.1.4.1.1.2.2"


def test_the_result_names_no_patient(ct):
    rewrite(
        ct,
        setter(
            InstitutionName="Secret Hospital",
            AccessionNumber="ACC4711",
            PatientBirthDate="19610203",
            PatientID="MRN4711",
        ),
    )
    study = read_study(ct)
    source = study.source
    told = repr((study.id, dict(source.facts), dict(source.uids), source.left_out, source.warnings))
    for secret in ("Secret", "Person", "4711", "1961", "Hospital"):
        assert secret not in told
    series = pydicom.dcmread(ct / "slice-0001.dcm").SeriesInstanceUID
    assert study.id == hashlib.sha256(series.encode()).hexdigest()[:16]
    assert source.uids["series"] == series


def test_facts(tmp_path):
    write_ct_series(chest(), tmp_path, identity="a", kernel="B30f", contrast=True)
    facts = read_study(tmp_path).source.facts
    assert facts == {
        "modality": "CT",
        "manufacturer": "nodewise",
        "model": "simulated scanner",
        "kernel": "B30f",
        "patient_position": "HFS",
        "kvp": 120.0,
        "slice_thickness_mm": 3.0,
        "contrast_agent": "yes",
        "shape": "24 × 20 × 6",
        "spacing_mm": "1.5 × 1.5 × 3",
        "orientation": "LPS",
    }


@pytest.mark.parametrize(
    ("agent", "route", "told"),
    [("", "", "unknown"), ("NONE", "", "no"), ("Omnipaque 350", "IV", "yes"), ("Barium", "ORAL", "oral")],
)
def test_contrast(ct, agent, route, told):
    rewrite(ct, setter(ContrastBolusAgent=agent, ContrastBolusRoute=route))
    assert read_study(ct).source.facts["contrast_agent"] == told


def test_damaged_files(ct):
    (ct / "slice-0002.dcm").write_bytes((ct / "slice-0002.dcm").read_bytes()[:-200])
    with pytest.raises(BadInputError, match=r"slice-0002\.dcm: pixels cannot be read"):
        read_study(ct)
    (ct / "slice-0002.dcm").unlink()
    (ct / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    with pytest.raises(BadInputError, match="slices are missing"):
        read_study(ct)
    study = read_study(ct, allow_gaps=True)
    assert "1 file damaged" in study.source.left_out


@settings(max_examples=60, deadline=None)
@example([(0, 0.986328125, 2)])
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_flipped_bytes_are_read_or_refused_but_never_crash(flips):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_ct_series(chest(3), folder, identity="a")
        files = sorted(folder.iterdir())
        contents = [bytearray(file.read_bytes()) for file in files]
        header = len(contents[0]) - 2 * 24 * 20
        for number, place, byte in flips:
            contents[number][132 + int(place * (header - 133))] = byte
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        try:
            assert read_study(folder).ct.grid.shape[2] >= 3
        except BadInputError as error:
            assert "\n" not in str(error)


def test_files_without_preamble_are_read(ct):
    for file in sorted(ct.iterdir()):
        item = pydicom.dcmread(file)
        bare = pydicom.Dataset({element.tag: element for element in item})
        bare.save_as(file, implicit_vr=True, little_endian=True)
        assert file.read_bytes()[128:132] != b"DICM"
    assert np.array_equal(read_study(ct).ct.array, chest().array)
