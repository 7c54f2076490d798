"""``nodewise train atlas_prior`` and ``nodewise ablate``: what is mistyped is one line, before anything is made."""

import pytest

from nodewise.cli import main
from nodewise.cli.ablate import _rows
from nodewise.recipes.atlas_prior.way import ROWS


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["train", "atlas_prior"], "atlas_prior learns from labelled scans"),
        (["train", "atlas_prior", "DATA", "--fold", "loo"], "atlas_prior has the folds 0 to 4"),
        (["train", "atlas_prior", "DATA", "--fold", "9"], "there is no fold 9"),
        (
            ["train", "atlas_prior", "DATA", "--malignancy-rule", "any"],
            "--malignancy-rule is for the recipe three_step",
        ),
        (["train", "atlas_prior", "DATA", "--channels", "pet"], "'--channels'"),
        (["train", "atlas_prior", "DATA", "--steps", "0"], "'--steps'"),
        (["train", "three_step", "DATA", "--steps", "10"], "--steps is for the recipe atlas_prior"),
        (["train", "three_step", "DATA", "--semi", "v1"], "--semi is for the recipe atlas_prior"),
        (["ablate", "atlas_prior", "--data", "DATA", "--rows", "7"], "--rows: there is no row '7'"),
        (["ablate", "atlas_prior", "--data", "DATA", "--rows", "1,x"], "--rows: there is no row 'x'"),
        (["ablate", "three_step", "--data", "DATA"], "three_step"),
    ],
)
def test_bad_options_are_one_line(typed, said, tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "out"
    for part in ("images", "labels"):
        (data / part).mkdir(parents=True)
    (data / "images" / "a.nii.gz").write_bytes(b"")
    (data / "labels" / "a.nii.gz").write_bytes(b"")
    words = [str(data) if word == "DATA" else word for word in typed]
    assert main.exit_code([*words, "-o", str(out)]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and said in printed and "\n" not in printed
    assert not out.exists()


def test_rows_are_those_of_the_tables():
    names = tuple(ROWS)
    assert _rows(None) == names
    assert _rows("6, 5") == names[4:]
    assert _rows("1,1") == names[:1]
