import sys

import pytest

from nodewise.cli.options import cache_folder


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="Linux's place")
def test_the_cache_lies_where_the_system_wants_it_and_is_done_without_where_it_cannot(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "nodewise"
    assert cache_folder().is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "nodewise"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder() is None
