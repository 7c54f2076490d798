"""The adapter, against a program of the same name that the test writes: TotalSegmentator itself is not needed."""

import json
import os
import stat
import sys

import numpy as np
import pytest

from nodewise.anatomy.totalsegmentator import CLASSES, WEIGHTS, TotalSegmentator
from nodewise.values.errors import BadInputError, MissingExtraError
from nodewise.values.grid import Grid
from nodewise.values.organ_names import TOTAL_V2
from nodewise.values.volume import Quantity, Volume

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a first line")

PROGRAM = """#!{python}
import json, os, sys
import nibabel, numpy as np
words = sys.argv[1:]
scan = nibabel.load(words[words.index("-i") + 1])
settings = json.load(open(os.path.join(os.environ["TOTALSEG_HOME_DIR"], "config.json")))
with open({log!r}, "a") as log:
    told = {{"words": words, "settings": settings, "weights": os.environ["TOTALSEG_WEIGHTS_PATH"]}}
    log.write(json.dumps(told) + "\\n")
if os.path.exists({log!r} + ".fail"):
    sys.exit("CUDA is on holiday")
labels = np.where(np.asarray(scan.dataobj) < -500, 16, 0).astype(np.uint8)
nibabel.save(nibabel.Nifti1Image(labels, scan.affine), words[words.index("-o") + 1])
"""


@pytest.fixture
def ct():
    hu = np.full((9, 8, 7), 40.0, np.float32)
    hu[2:4, 3:5, :] = -1000.0
    return Volume(hu, Grid.of(hu.shape, (1.0, 1.0, 2.0), (5.0, -3.0, 8.0)), Quantity.HU)


@pytest.fixture
def runs(tmp_path):
    """A folder with the program, its weights, and what it was asked so far."""
    program = tmp_path / "bin" / "TotalSegmentator"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, log=str(tmp_path / "log")))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for number in {*WEIGHTS[True], *WEIGHTS[False]}:
        (tmp_path / "weights" / f"Dataset{number}_some").mkdir(parents=True)

    def asked():
        log = tmp_path / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return asked


def _runner(tmp_path, **settings):
    environment = {**os.environ, "PATH": str(tmp_path / "bin")}
    return TotalSegmentator(environment, cache=tmp_path / "cache", weights=tmp_path / "weights", **settings)


def test_it_is_run_once_a_scan_without_statistics_for_what_is_needed(ct, runs, tmp_path):
    found = _runner(tmp_path)(ct)
    again = _runner(tmp_path)(ct)
    (asked,) = runs()
    assert asked["settings"]["send_usage_stats"] is False
    assert asked["weights"] == str(tmp_path / "weights")
    words = asked["words"]
    assert words[words.index("--roi_subset") + 1 :] == list(CLASSES)
    assert {"--ml"} <= set(words)
    assert "--fast" not in words
    for organs in (found, again):
        assert organs.labels.grid.same_as(ct.grid)
        assert np.array_equal(organs.labels.array == 16, ct.array < -500)
        assert organs.names[16] == "trachea"


def test_another_scan_and_another_network_are_other_answers(ct, runs, tmp_path):
    _runner(tmp_path)(ct)
    _runner(tmp_path)(ct.with_array(ct.array + np.float32(1), Quantity.HU))
    moved = Grid.of(ct.grid.shape, ct.grid.spacing, (6.0, -3.0, 8.0))
    _runner(tmp_path)(Volume(ct.array, moved, Quantity.HU))
    _runner(tmp_path, fast=True, device="cuda:1")(ct)
    assert len(runs()) == 4
    assert "--fast" in runs()[3]["words"]
    assert "gpu:1" in runs()[3]["words"]


def test_every_class_is_one_that_it_knows():
    assert set(CLASSES) <= set(TOTAL_V2.values())


def test_without_the_program_one_line_says_what_to_install(ct, tmp_path, monkeypatch):
    monkeypatch.setattr("nodewise.anatomy.totalsegmentator.sys.executable", str(tmp_path / "python"))
    with pytest.raises(MissingExtraError, match=r"pip install 'nodewise\[organs\]'"):
        _runner(tmp_path)(ct)


def test_without_its_weights_it_is_not_run(ct, runs, tmp_path):
    (tmp_path / "weights" / "Dataset293_some").rmdir()
    with pytest.raises(BadInputError, match=r"networks 293\): run totalseg_download_weights -t total "):
        _runner(tmp_path)(ct)
    assert runs() == []
    _runner(tmp_path, fast=True)(ct)


def test_its_failure_is_one_line_and_nothing_is_kept(ct, runs, tmp_path):
    (tmp_path / "log.fail").touch()
    with pytest.raises(BadInputError, match=r"TotalSegmentator failed \(CUDA is on holiday\)") as error:
        _runner(tmp_path)(ct)
    assert "\n" not in str(error.value)
    (tmp_path / "log.fail").unlink()
    _runner(tmp_path)(ct)
    assert len(runs()) == 2
