"""``nodewise train``: what is mistyped is one line, before anything is made."""

import pytest

from nodewise.cli import main


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--credit", "LIDC-IDRI"], "--credit 'LIDC-IDRI' is not NAME:LICENCE"),
        (["--credit", ": CC BY 3.0"], "is not NAME:LICENCE"),
        (["--scale", "inf"], "'--scale'"),
        (["--malignancy-rule", "most"], "'--malignancy-rule'"),
        (["--fold", "x"], "there is no fold x"),
        (["--workers", "-1"], "'--workers'"),
    ],
)
def test_bad_options_are_one_line(typed, said, tmp_path, capsys):
    out = tmp_path / "out"
    assert main.exit_code(["train", "three_step", "-o", str(out), *typed]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and said in printed and "\n" not in printed
    assert not out.exists()
