from pathlib import Path

import numpy as np
import pytest

from nodewise.learn.case_cache import Case, CaseFiles, cached, content_key
from nodewise.learn.loss import IGNORE
from nodewise.values.errors import BadInputError


def prepare(files: CaseFiles) -> Case:
    """A case out of a file of one number; in a module, so that other processes find it."""
    number = int(files.files[0].read_text())
    if number < 0:
        raise BadInputError("a negative number")
    rng = np.random.default_rng(number)
    labels = np.zeros((12, 10, 8), np.uint8)
    labels[2:5, 3:6, 1:4], labels[8, 8, 6], labels[0] = 1, 7, IGNORE
    image = rng.integers(-1000, 1000, (2, 12, 10, 8)).astype(np.int16)
    return Case(image, (labels, rng.integers(0, 3, labels.shape).astype(np.uint8)), (1.0, 1.0, 2.5))


def _files(folder: Path, *numbers: int) -> list[CaseFiles]:
    for n in numbers:
        (folder / f"{n}.txt").write_text(str(n))
    return [CaseFiles(f"case {n}", "odd" if n % 2 else "even", (folder / f"{n}.txt",)) for n in numbers]


def test_what_is_read_is_what_was_prepared(tmp_path):
    (files,) = _files(tmp_path, 3)
    (case,) = cached([files], prepare, "1 mm", tmp_path / "cache")
    truth = prepare(files)
    assert isinstance(case.image(), np.memmap)
    assert case.image().dtype == np.int16
    assert np.array_equal(case.image(), truth.image)
    assert case.image()[0].T.flags.c_contiguous  # x runs fastest
    assert all(np.array_equal(a, b) for a, b in zip(case.labels(), truth.labels, strict=True))
    assert (case.name, case.source, case.shape, case.spacing) == ("case 3", "odd", (12, 10, 8), (1.0, 1.0, 2.5))


def test_places_are_the_voxels_of_each_class_of_the_first_labels(tmp_path):
    (case,) = cached(_files(tmp_path, 1), prepare, "", tmp_path / "cache")
    assert [label for label, _, _ in case.classes] == [1, 7]
    for label, first, last in case.classes:
        rows = sorted(case.place(i) for i in range(first, last))
        assert rows == sorted(map(tuple, np.argwhere(case.labels()[0] == label)))


def test_of_a_large_class_a_fair_sample_is_kept(tmp_path):
    def large(_files):
        labels = np.ones((60, 50, 40), np.uint8)
        return Case(np.zeros((1, 60, 50, 40), np.float16), (labels,), (1.0, 1.0, 1.0))

    (case,) = cached(_files(tmp_path, 1), large, "", tmp_path / "cache")
    ((_, first, last),) = case.classes
    places = np.array([case.place(i) for i in range(first, last)])
    assert len(np.unique(places, axis=0)) == 2000
    assert np.allclose(places.mean(axis=0), [29.5, 24.5, 19.5], atol=1.5)


def test_a_case_is_prepared_once_until_its_files_or_its_preparation_change(tmp_path):
    made = []

    def counted(files):
        made.append(files.name)
        return prepare(files)

    files = _files(tmp_path, 1, 2)
    told = []
    first = cached(files, counted, "1 mm", tmp_path / "cache", progress=lambda *now: told.append(now))
    assert told == [(1, 2), (2, 2)]
    again = cached(files, counted, "1 mm", tmp_path / "cache")
    assert (again, len(made)) == (first, 2)
    cached(files, counted, "2 mm", tmp_path / "cache")
    assert len(made) == 4
    (tmp_path / "1.txt").write_text("5")
    changed = cached(files, counted, "1 mm", tmp_path / "cache")
    assert len(made) == 5
    assert changed[1] == first[1]
    assert not np.array_equal(changed[0].image(), first[0].image())
    renamed = cached([CaseFiles("another name", "even", files[1].files)], counted, "1 mm", tmp_path / "cache")
    assert (len(made), renamed[0].folder, renamed[0].name) == (5, first[1].folder, "another name")


def test_the_key_tells_names_and_content_in_folders(tmp_path):
    folder = tmp_path / "dicom"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1").write_text("x")
    keys = {content_key([folder], "p")}
    (folder / "a" / "1").rename(folder / "a" / "2")
    keys.add(content_key([folder], "p"))
    (folder / "a" / "2").write_text("y")
    keys.add(content_key([folder], "p"))
    keys.add(content_key([folder, folder], "p"))
    keys.add(content_key([folder], "q"))
    assert len(keys) == 5


def test_a_stopped_run_leaves_no_half_case_and_goes_on(tmp_path, monkeypatch):
    files = _files(tmp_path, 1, 2)
    real, written = np.save, []

    def dies(file, array):
        written.append(file)
        if len(written) == 8:  # in the middle of the second case
            raise KeyboardInterrupt
        real(file, array)

    monkeypatch.setattr(np, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        cached(files, prepare, "", tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    monkeypatch.undo()
    made = []
    cases = cached(files, lambda f: made.append(f.name) or prepare(f), "", tmp_path / "cache")
    assert made == ["case 2"]
    assert np.array_equal(cases[1].image(), prepare(files[1]).image)


def test_processes_make_the_same(tmp_path):
    files = _files(tmp_path, 1, 2, 3)
    alone = cached(files, prepare, "", tmp_path / "a")
    together = cached(files, prepare, "", tmp_path / "b", processes=1)
    for a, b in zip(alone, together, strict=True):
        assert (a.name, a.key, a.classes) == (b.name, b.key, b.classes)
        for name in ("image", "labels", "places", "spacing", "classes"):
            assert (a.folder / f"{name}.npy").read_bytes() == (b.folder / f"{name}.npy").read_bytes()


def test_what_cannot_be_prepared_is_named_in_one_line(tmp_path):
    with pytest.raises(BadInputError, match=r"^case -1 cannot be prepared for training: a negative number$"):
        cached(_files(tmp_path, 1, -1), prepare, "", tmp_path / "cache")
    with pytest.raises(BadInputError, match=r"case 9 .*9\.txt cannot be read: No such file"):
        cached([CaseFiles("case 9", "", (tmp_path / "9.txt",))], prepare, "", tmp_path / "cache")
    (case,) = cached(_files(tmp_path, 1), prepare, "", tmp_path / "cache")
    (case.folder / "image.npy").write_bytes(b"")
    with pytest.raises(BadInputError, match="damaged: delete it"):
        cached(_files(tmp_path, 1), prepare, "", tmp_path / "cache")


@pytest.mark.parametrize(
    ("image", "labels", "spacing"),
    [
        (np.zeros((1, 3, 3, 3), np.float64), (np.zeros((3, 3, 3), np.uint8),), (1.0, 1.0, 1.0)),
        (np.zeros((1, 3, 3, 3), np.float32), (np.zeros((3, 3, 4), np.uint8),), (1.0, 1.0, 1.0)),
        (np.zeros((1, 3, 3, 3), np.float32), (np.zeros((3, 3, 3), np.int16),), (1.0, 1.0, 1.0)),
        (np.zeros((1, 3, 3, 3), np.float32), (), (1.0, 1.0, 1.0)),
        (np.zeros((1, 3, 3, 3), np.float32), (np.zeros((3, 3, 3), np.uint8),), (1.0, 1.0)),
        (np.zeros((1, 3, 3, 3), np.float32), (np.zeros((3, 3, 3), np.uint8),), (1.0, 1.0, 0.0)),
    ],
)
def test_parts_that_do_not_fit_are_refused(image, labels, spacing):
    with pytest.raises(ValueError, match=r"not|each"):
        Case(image, labels, spacing)
