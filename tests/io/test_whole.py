"""A result folder is complete or absent."""

import errno
import os

import pytest

from nodewise.io.whole import require_free, require_outside, whole
from nodewise.values.errors import BadInputError


def names(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_complete_at_the_end_and_hidden_before(tmp_path) -> None:
    out = tmp_path / "deep" / "out"
    with whole(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
        assert folder.parent == out.parent
        assert folder.name.startswith(".")
    assert names(out) == ["a.txt"]
    assert names(out.parent) == ["out"]


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, SystemExit])
def test_absent_after_a_failure(raised, tmp_path) -> None:
    with pytest.raises(raised), whole(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
        raise raised
    assert names(tmp_path) == []


def test_an_empty_folder_is_filled(tmp_path) -> None:
    (tmp_path / "out").mkdir()
    with whole(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert names(tmp_path / "out") == ["a.txt"]


def test_an_earlier_result_is_kept_unless_overwriting_succeeds(tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    with pytest.raises(BadInputError, match="already holds something"), whole(out):
        pass
    with pytest.raises(ZeroDivisionError), whole(out, overwrite=True):
        raise ZeroDivisionError
    assert names(out) == ["old.txt"]
    with whole(out, overwrite=True) as folder:
        (folder / "new.txt").write_text("new")
    assert names(out) == ["new.txt"]
    assert names(tmp_path) == ["out"]


def test_what_appeared_meanwhile_is_not_overwritten(tmp_path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadInputError, match="already holds something"), whole(out):
        out.mkdir()
        (out / "other.txt").write_text("someone else's")
    assert names(out) == ["other.txt"]
    assert names(tmp_path) == ["out"]


def test_the_earlier_result_comes_back_when_renaming_fails(tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    rename, calls = os.rename, []

    def second_fails(*paths) -> None:
        calls.append(paths)
        if len(calls) == 2:
            raise OSError("disk gone")
        rename(*paths)

    monkeypatch.setattr("os.rename", second_fails)
    with pytest.raises(OSError, match="disk gone"), whole(out, overwrite=True):
        pass
    assert names(out) == ["old.txt"]
    assert names(tmp_path) == ["out"]


def test_a_file_or_a_mount_point_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="is a file"), whole(tmp_path / "file"):
        pass
    with pytest.raises(BadInputError, match="mounted"), whole(tmp_path.__class__("/proc"), overwrite=True):
        pass


def test_where_nothing_can_be_written_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="nothing can be written"), whole(tmp_path / "file" / "out"):
        pass


def test_a_link_is_followed(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with whole(tmp_path / "link") as folder:
        (folder / "a.txt").write_text("a")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == ["a.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_is_one_line_and_leaves_nothing(number, tmp_path) -> None:
    with pytest.raises(BadInputError, match="cannot be read or written"), whole(tmp_path / "out"):
        raise OSError(number, "why")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_stays_one(tmp_path) -> None:
    with pytest.raises(FileNotFoundError), whole(tmp_path / "out"):
        raise FileNotFoundError(errno.ENOENT, "why")


def test_results_may_not_lie_on_top_of_their_input(tmp_path) -> None:
    scan = tmp_path / "scans" / "anna"
    scan.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "scans")
    for folder in (scan, tmp_path / "scans", tmp_path / "link"):
        with pytest.raises(BadInputError, match="on top of"):
            require_outside(folder, scan)
    require_outside(scan / "out", scan)
    require_outside(tmp_path / "scans" / "ann", scan)


def test_a_taken_folder_is_refused_before_the_work(tmp_path) -> None:
    (tmp_path / "taken").mkdir()
    require_free(tmp_path / "taken")
    (tmp_path / "taken" / "mine.txt").write_text("x")
    require_free(tmp_path / "free")
    require_free(tmp_path / "taken", overwrite=True)
    with pytest.raises(BadInputError, match="already holds something"):
        require_free(tmp_path / "taken")
