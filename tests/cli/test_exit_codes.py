"""Exit codes and the one line of bad input."""

import logging
import signal
import warnings
from pathlib import Path

import pytest

from nodewise.cli import main
from nodewise.cli.options import command_line

VERBS = ("predict", "measure", "phantom", "evaluate", "train", "prepare", "ablate", "info")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_has_an_example(verb, capsys):
    assert main.exit_code([verb, "--help"]) == 0
    assert f"Example: nodewise {verb}" in " ".join(capsys.readouterr().out.split())


def test_version(capsys):
    assert main.exit_code(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nodewise 0.")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("info --colour", "no such option: --colour: see nodewise info --help"),
        ("--colour", "no such option: --colour: see nodewise --help"),
        ("elbow", "no such command 'elbow': see nodewise --help"),
        ("--verbose", "missing command: see nodewise --help"),
        ("predict", "missing argument 'INPUT': see nodewise predict --help"),
        ("phantom a b", "got unexpected extra argument(s) (b): see nodewise phantom --help"),
        ("phantom a --region", "option '--region' requires an argument: see nodewise"),
        ("phantom a --region elbow", "'--region': 'elbow' is not one of 'chest', 'neck', 'abdomen': see nodewise"),
        ("phantom a --spacing 1 1", "option '--spacing' requires 3 arguments: see nodewise"),
        ("phantom a --seed -1", "'--seed': input should be greater than or equal to 0: see nodewise phantom --help"),
    ],
)
def test_what_was_mistyped_is_said_in_one_line(typed, said, capsys):
    assert main.exit_code(typed.split()) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and said.lower() in printed.lower() and "\n" not in printed


def test_no_word_at_all_is_the_help(capsys):
    assert main.exit_code([]) == 0
    assert "predict" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "empty folder", "a text"])
def test_bad_input_is_one_line_and_leaves_nothing(content, tmp_path, capsys):
    source, out = tmp_path / "in", tmp_path / "out"
    if content == "empty folder":
        source.mkdir()
    elif content:
        source = source.with_suffix(".nii.gz")
        source.write_text(content)
    assert main.exit_code(["predict", str(source), "-o", str(out)]) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("error: ") and "\n" not in printed
    assert [p.name for p in tmp_path.iterdir() if p != source] == []


def test_a_fault_of_ours_is_exit_code_1(monkeypatch, capsys):
    def broken() -> None:
        raise RuntimeError("the [brackets] are kept")

    monkeypatch.setattr("nodewise.cli.info._devices", broken)
    assert main.exit_code(["info"]) == 1
    assert "RuntimeError: the [brackets] are kept" in capsys.readouterr().err


def test_the_recorded_command_does_not_hold_the_path(monkeypatch):
    monkeypatch.setattr("sys.argv", ["nodewise", "predict", "/scans/Jane_Doe", "-o", "out/jane", "--primary", "left"])
    assert command_line() == "nodewise predict … -o … --primary left"


def test_a_missing_prediction_is_named(tmp_path, capsys):
    (tmp_path / "truth" / "a").mkdir(parents=True)
    (tmp_path / "truth" / "a" / "truth.json").write_text('{"nodes": []}')
    (tmp_path / "prediction" / "b").mkdir(parents=True)
    (tmp_path / "prediction" / "b" / "assessment.json").write_text("{}")
    assert main.exit_code(["evaluate", str(tmp_path / "truth"), str(tmp_path / "prediction")]) == 2
    assert "no prediction for a" in " ".join(capsys.readouterr().err.split())


def test_paths_are_not_in_the_command_even_without_a_slash(monkeypatch):
    monkeypatch.setattr("sys.argv", ["nodewise", "predict", "Jane_Doe", "-o", "jane"])
    assert "Jane" not in command_line() and "jane" not in command_line()


def test_folder_of_tests_mirrors_the_verbs():
    assert {p.stem for p in (Path(main.__file__).parent).glob("*.py")} >= set(VERBS)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("predict 4711 -o 4711 --threads 1 --tnm 8", "predict … -o … --threads 1 --tnm 8"),
        ("predict a --output=out/jane --primary=left", "predict … --output=… --primary=left"),
        ("--verbose predict left -oout/jane", "--verbose predict … -o…"),
        ("measure predict --nodes left -o right", "measure … --nodes … -o …"),
    ],
)
def test_only_what_cannot_name_a_patient_is_in_the_command(typed, shown, monkeypatch):
    monkeypatch.setattr("sys.argv", ["nodewise", *typed.split()])
    assert command_line() == f"nodewise {shown}"


def test_an_input_is_never_overwritten(tmp_path, capsys):
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"precious")
    assert main.exit_code(["predict", str(scan), "-o", str(tmp_path), "--overwrite"]) == 2
    assert main.exit_code(["measure", "x", "--nodes", str(scan), "-o", str(tmp_path), "--overwrite"]) == 2
    assert scan.read_bytes() == b"precious"
    assert capsys.readouterr().err.count("on top of") == 2


def test_a_stop_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr("nodewise.cli.info._devices", lambda: main._stop(signal.SIGTERM, None))
    assert main.exit_code(["info"]) == 143
    assert capsys.readouterr().err == "stopped: what was not finished has been removed\n"


def test_what_libraries_warn_of_is_shown_only_when_asked(monkeypatch, capsys):
    def noisy():
        warnings.warn("an odd value", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("odd too")
        logging.getLogger("nodewise.somewhere").warning("worth [knowing]")
        return []

    monkeypatch.setattr("nodewise.cli.info._devices", noisy)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert main.exit_code(["--verbose", "info"]) == 0
        assert "odd too" in capsys.readouterr().err
        assert [str(w.message) for w in warned] == ["an odd value"]
        assert main.exit_code(["info"]) == 0
        assert capsys.readouterr().err == "warning: worth [knowing]\n"
        assert len(warned) == 1


def test_phantoms_cannot_be_written_into_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert main.exit_code(["phantom", str(tmp_path / "file")]) == 2
    assert "cannot be made a folder for results" in capsys.readouterr().err
