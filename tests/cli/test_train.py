"""``nodewise train``: what is mistyped is one line, before anything is made."""

import pytest

from nodewise.cli import main
from nodewise.cli.train import _stations


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--credit", "LIDC-IDRI"], "--credit 'LIDC-IDRI' is not NAME:LICENCE"),
        (["--credit", ": CC BY 3.0"], "is not NAME:LICENCE"),
        (["--scale", "inf"], "'--scale'"),
        (["--malignancy-rule", "most"], "'--malignancy-rule'"),
        (["--fold", "x"], "there is no fold x"),
        (["--workers", "-1"], "'--workers'"),
        (["--calibration", "platt"], "'--calibration'"),
        (["--stations", "4R,4X"], "there is no station '4X': name some of 1R, 1L,"),
        (["--stations", "unknown"], "there is no station 'unknown'"),
        (["--stations", "4R"], "--stations is for labelled scans"),
    ],
)
def test_bad_options_are_one_line(typed, said, tmp_path, capsys):
    out = tmp_path / "out"
    assert main.exit_code(["train", "three_step", "-o", str(out), *typed]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and said in printed and "\n" not in printed
    assert not out.exists()


def test_stations_are_in_the_order_of_the_map():
    assert [s.code for s in _stations("7, 4L,2R,7")] == ["2R", "4L", "7"]
    assert len(_stations("all")) == 24
    assert _stations(None) is None
