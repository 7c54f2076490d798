"""Names matched, and one clear line where they do not match."""

import pytest

from nodewise.evaluate.pairs import find_pairs
from nodewise.values.errors import BadInputError


def test_formats_may_differ_and_other_files_are_passed_over(tmp_path, drawn):
    import SimpleITK as sitk

    truth, prediction = tmp_path / "labelsTs", tmp_path / "out"
    drawn.mask(truth / "lung_001.nii.gz", (0, 2))
    drawn.mask(truth / "lung_002.nii.gz", (0, 2))
    prediction.mkdir()
    for name in ("lung_001.nrrd", "lung_002.mha"):
        sitk.WriteImage(sitk.ReadImage(truth / "lung_001.nii.gz"), prediction / name)
    for name in ("plans.json", "dataset.json", "lung_001.npz", ".hidden.nii.gz"):
        (prediction / name).write_text("{}")
    (truth / "dataset.json").write_text("{}")
    pairs = find_pairs(truth, prediction)
    assert [(p.name, p.truth.name, p.prediction.name) for p in pairs] == [
        ("lung_001", "lung_001.nii.gz", "lung_001.nrrd"),
        ("lung_002", "lung_002.nii.gz", "lung_002.mha"),
    ]


@pytest.fixture
def unlike(tmp_path, drawn):
    for name in ("a", "b", "c"):
        drawn.mask(tmp_path / "t" / f"{name}.nii.gz", (0, 2))
    for name in ("a", "d"):
        drawn.mask(tmp_path / "p" / f"{name}.nii.gz", (0, 2))
    return tmp_path / "t", tmp_path / "p"


def test_names_that_do_not_match_are_listed_in_one_line(unlike):
    with pytest.raises(BadInputError, match=r"no prediction for b, c \(and no truth for d\)") as caught:
        find_pairs(*unlike)
    assert "\n" not in str(caught.value) and "--missing" in str(caught.value)


def test_a_missing_prediction_may_count_as_empty_or_be_skipped(unlike, caplog):
    assert [(p.name, p.prediction is None) for p in find_pairs(*unlike, missing="empty")] == [
        ("a", False), ("b", True), ("c", True),
    ]  # fmt: skip
    assert [p.name for p in find_pairs(*unlike, missing="skip")] == ["a"]
    assert "no truth for d" in caplog.text


def test_nothing_in_common_is_refused_even_when_skipping(tmp_path, drawn):
    drawn.mask(tmp_path / "t" / "a.nii.gz", (0, 2))
    drawn.mask(tmp_path / "t" / "b.nii.gz", (0, 2))
    drawn.mask(tmp_path / "p" / "c.nii.gz", (0, 2))
    with pytest.raises(BadInputError, match="no name of the truth"):
        find_pairs(tmp_path / "t", tmp_path / "p", missing="skip")


def test_two_files_are_one_pair_whatever_their_names(tmp_path, drawn):
    (pair,) = find_pairs(drawn.mask(tmp_path / "mine.nii.gz", (0, 2)), drawn.mask(tmp_path / "theirs.nii.gz", (0, 2)))
    assert (pair.name, pair.prediction.name) == ("mine", "theirs.nii.gz")


def test_what_phantom_writes_is_found_with_its_images(tmp_path, drawn):
    drawn.truth(tmp_path / "ph" / "truth" / "phantom-0001", {1: (0, 4)}, [(1, 5, "7", None)])
    drawn.mask(tmp_path / "ph" / "images" / "phantom-0001.nii.gz")
    drawn.assessment(tmp_path / "out", {}, [])
    for truth in (tmp_path / "ph", tmp_path / "ph" / "truth", tmp_path / "ph" / "truth" / "phantom-0001"):
        (pair,) = find_pairs(truth, tmp_path / "out")
        assert (pair.name, pair.image.name) == ("phantom-0001", "phantom-0001.nii.gz")


def test_images_of_nnunet_have_a_channel_in_their_names(tmp_path, drawn):
    truth, image = drawn.mask(tmp_path / "t" / "a.nii.gz"), drawn.mask(tmp_path / "i" / "a_0000.nii.gz")
    (pair,) = find_pairs(truth.parent, truth.parent, images=image.parent)
    assert (pair.name, pair.image) == ("a", image)


def test_images_by_other_names_are_said_to_be_of_no_use(tmp_path, drawn, caplog):
    truth, image = drawn.mask(tmp_path / "t" / "a.nii.gz"), drawn.mask(tmp_path / "i" / "b.nii.gz")
    (pair,) = find_pairs(truth, truth, images=image.parent)
    assert pair.image is None and "no CT by any of these names" in caplog.text


def test_each_folder_with_one_mask_is_a_case(tmp_path, drawn):
    for name in ("anna", "bo"):
        drawn.mask(tmp_path / "t" / name / "segmentation.nrrd.nii.gz", (0, 2))
        drawn.mask(tmp_path / "p" / f"{name}.nii.gz", (0, 2))
    assert [p.name for p in find_pairs(tmp_path / "t", tmp_path / "p")] == ["anna", "bo"]


def _csv(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_csv_of_pairs(tmp_path, drawn, caplog):
    drawn.mask(tmp_path / "x" / "t.nii.gz", (0, 2))
    drawn.mask(tmp_path / "p.nii.gz", (0, 2))
    columns = "name, truth, prediction, n_positive, primary_side, ward"
    text = f"{columns}\nanna, x/t.nii.gz, p.nii.gz, 1, left, 4\nbo, x/t.nii.gz,,,,\n"
    anna, bo = find_pairs(_csv(tmp_path, text), None, missing="empty")
    assert (anna.name, anna.truth.name, anna.prediction.name) == ("anna", "t.nii.gz", "p.nii.gz")
    assert anna.patient == {"n_positive": "1", "primary_side": "left"}
    assert bo.prediction is None
    assert "ward" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbftruth,prediction\r\nx/t.1.nii.gz,p.nii.gz\r\n",
        b"Truth;Prediction\r\nx/t.1.nii.gz;p.nii.gz\r\n\r\n",
        b"prediction , truth\np.nii.gz,x/t.1.nii.gz",
    ],
)
def test_a_csv_as_spreadsheets_write_it(tmp_path, drawn, content):
    drawn.mask(tmp_path / "x" / "t.1.nii.gz", (0, 2))
    drawn.mask(tmp_path / "p.nii.gz", (0, 2))
    (tmp_path / "pairs.csv").write_bytes(content)
    (pair,) = find_pairs(tmp_path / "pairs.csv", None)
    assert (pair.name, pair.truth.name, pair.prediction.name) == ("t.1", "t.1.nii.gz", "p.nii.gz")


def test_a_csv_in_another_encoding_is_refused_in_one_line(tmp_path):
    (tmp_path / "pairs.csv").write_bytes("truth,prediction\nMüller,p\n".encode("latin-1"))
    with pytest.raises(BadInputError, match="not UTF-8"):
        find_pairs(tmp_path / "pairs.csv", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("truth,mask\nt.nii.gz,t.nii.gz\n", "needs the columns truth and prediction"),
        ("", "it has none"),
        ("truth,prediction\n", "no pairs"),
        ("truth;mask\n", "needs the columns truth and prediction, it has truth, mask"),
        ("truth,prediction\nt.nii.gz,nowhere.nii.gz\n", "line 2: prediction .*nowhere.nii.gz is not there"),
        ("truth,prediction\n,t.nii.gz\n", "line 2: no truth"),
        ("truth,prediction\nt.nii.gz,\n", "line 2: no prediction for t"),
        ("truth,prediction\nt.nii.gz,t.nii.gz\nt.nii.gz,t.nii.gz\n", "has t more than once"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_in_one_line(tmp_path, drawn, text, words):
    drawn.mask(tmp_path / "t.nii.gz", (0, 2))
    with pytest.raises(BadInputError, match=words) as caught:
        find_pairs(_csv(tmp_path, text), None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [
        ("nowhere", "t.nii.gz", "no such file or folder"),
        ("t.nii.gz", None, "a prediction for .* is needed"),
        ("empty", "t.nii.gz", "holds no truth"),
        ("full", "empty", "holds no prediction"),
        ("note.txt", "t.nii.gz", "neither a mask"),
        ("pairs.csv", "t.nii.gz", "names the predictions itself"),
        ("twice", "t.nii.gz", "for the same name"),
    ],
)
def test_places_that_cannot_be_used_are_refused_in_one_line(tmp_path, drawn, truth, prediction, words):
    drawn.mask(tmp_path / "t.nii.gz", (0, 2))
    for name in ("a", "b"):
        drawn.mask(tmp_path / "full" / f"{name}.nii.gz", (0, 2))
    for name in ("a.nii.gz", "a.nii"):
        drawn.mask(tmp_path / "twice" / name, (0, 2))
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "pairs.csv").write_text("truth,prediction\n")
    with pytest.raises(BadInputError, match=words) as caught:
        find_pairs(tmp_path / truth, prediction and tmp_path / prediction)
    assert "\n" not in str(caught.value)
