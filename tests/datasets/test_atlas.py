"""An atlas built from a folder of labelled scans, and its command."""

from dataclasses import replace

import numpy as np
import pytest
from tests.anatomy.registration.test_organs import NAMES, QUICK, drawn
from tests.anatomy.registration.test_warp import turned

from nodewise.anatomy.atlas import lay as laying
from nodewise.anatomy.atlas.folder import card_of, load_atlas
from nodewise.anatomy.registration.warp import points_of
from nodewise.cli.main import exit_code
from nodewise.datasets import atlas as building
from nodewise.datasets.atlas import build_atlas, ordinary, organ_names
from nodewise.datasets.read import read_dataset
from nodewise.io.itk import write_nifti
from nodewise.io.truthfile import TruthRecord, write_truth
from nodewise.values.anatomy import Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.atlas import Origin
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

ORIGIN = Origin("test", "", "drawn chests", "nodewise atlas build …", "0.0", "Apache-2.0")
NODE = np.array([-21.0, 3.0, 22.0])
"""Where every drawn patient has a node, in the first one's mm."""
MOVES = {  # scale, turn, shift of each patient: the second is the middle one in size
    "p1": (1.00, 0.0, (0.0, 0.0, 0.0)),
    "p2": (1.04, 4.0, (6.0, -5.0, 3.0)),
    "p3": (1.10, -3.0, (-4.0, 2.0, -8.0)),
}
NAMED = {**NAMES, 9: "lung_upper_lobe_right", 10: "lung_upper_lobe_left"}


def moved(name, points):
    """From the first patient's mm to another's."""
    scale, turn, shift = MOVES[name]
    return scale * points @ turned(turn).T + shift


def back(name, points):
    scale, turn, shift = MOVES[name]
    return (points - shift) / scale @ turned(turn)


def write_chest(folder, name):
    grid = Grid.of((90, 72, 86), (3.0, 3.0, 3.0), (-135.0, -105.0, -125.0))
    own = back(name, points_of(grid))
    labels = drawn(own)
    labels[(labels == 0) & (np.abs(own[..., 0] + 60) < 25) & (np.abs(own[..., 1]) < 40)] = 9
    labels[(labels == 0) & (np.abs(own[..., 0] - 72) < 15) & (np.abs(own[..., 1]) < 40)] = 10
    node = np.linalg.norm(own - NODE, axis=-1) < 6.0
    hu = np.where(np.isin(labels, (9, 10)), -850, np.where(labels == 6, -1000, np.where(labels > 0, 60, -80)))
    truth = folder / "truth" / name
    truth.mkdir(parents=True)
    (folder / "images").mkdir(exist_ok=True)
    write_nifti(Volume(hu.astype(np.float32), grid, Quantity.HU), folder / "images" / f"{name}.nii.gz")
    stations = np.where(np.linalg.norm(own - NODE, axis=-1) < 15.0, Station.S4R.label, 0).astype(np.uint8)
    maps = {"nodes": node.astype(np.uint8), "organs": labels, "stations": stations}
    for kind, array in maps.items():
        write_nifti(Volume(array, grid, Quantity.LABEL), truth / f"{kind}.nii.gz")
    record = TruthRecord(
        region="chest", seed=1, phase="none", contrast=False, primary_side="left", n_category_8="N0", nodes=[],
        organs={name: label for label, name in NAMED.items()},
    )  # fmt: skip
    write_truth(record, truth / "truth.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("data")
    for name in MOVES:
        write_chest(made, name)
    return made


@pytest.fixture
def quick(monkeypatch):
    """A short registration; the reference's carina where it was drawn (a chest of tubes has none to be found)."""

    def read(study):
        mark = Landmark(tuple(moved("p2", np.array([0.0, 8.0, 0.0])).tolist()), LandmarkStatus.FOUND, 1.0)
        return Anatomy({"carina": mark}, Region((-60.0,) * 3, (60.0,) * 3), "drawn")

    monkeypatch.setattr("nodewise.anatomy.read.read_anatomy", read)
    whole = laying.lay
    monkeypatch.setattr(building, "lay", lambda anatomy, atlas: whole(anatomy, atlas, QUICK))


def test_the_nodes_of_all_come_together(folder, quick, tmp_path):
    cases = read_dataset(folder).cases
    assert ordinary(cases) == "p2"
    told = []
    built = build_atlas(cases, tmp_path / "work", ORIGIN, progress=lambda *at: told.append(at))
    atlas = built.atlas
    assert told[0] == (0, 3) and told[-1] == (3, 3) and built.left_out == ()
    assert atlas.origin.reference == "p2" and len(atlas.cases) == 3
    hot = atlas.prior.grid.to_lps(np.unravel_index(atlas.prior.array.argmax(), atlas.prior.array.shape))
    assert np.linalg.norm(hot - moved("p2", NODE)) < 5.0
    assert atlas.prior.array.max() == 1.0
    index = tuple(np.rint(atlas.prior.grid.to_index(moved("p2", NODE))).astype(int))
    assert atlas.stations.array[index] == Station.S4R.label
    assert not (tmp_path / "work").exists()


def test_a_build_that_was_stopped_goes_on(folder, quick, tmp_path, monkeypatch):
    cases = read_dataset(folder).cases
    part, done = building._part, []

    def stopped(case, bare):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(case.name)
        return part(case, bare)

    monkeypatch.setattr(building, "_part", stopped)
    with pytest.raises(KeyboardInterrupt):
        build_atlas(cases, tmp_path / "work", ORIGIN)
    kept, again = list(done), []
    monkeypatch.setattr(building, "_part", lambda case, bare: (again.append(case.name), part(case, bare))[1])
    build_atlas(cases, tmp_path / "work", ORIGIN)
    assert sorted(kept + again) == ["p1", "p2", "p3"] and len(again) == 1


def test_the_reference_must_be_there(folder, quick, tmp_path):
    with pytest.raises(BadInputError, match="no case p9"):
        build_atlas(read_dataset(folder).cases, tmp_path / "work", ORIGIN, reference="p9")


def test_the_command(folder, quick, tmp_path, capsys):
    out = tmp_path / "atlas"
    assert exit_code(["atlas", "build", str(folder), "-o", str(out), "--exclude", "p3", "--reference", "p2"]) == 0
    atlas = load_atlas(out)
    assert [case.patient for case in atlas.cases] == ["p1", "p2"]
    assert "Research use only" in card_of(out)
    assert exit_code(["atlas", "build", str(folder), "-o", str(out)]) == 2  # something is there
    assert exit_code(["atlas", "build", str(folder), "-o", str(tmp_path / "b"), "--exclude", "p9"]) == 2
    assert "no patient p9" in capsys.readouterr().err
    assert exit_code(["atlas", "show", str(out)]) == 0
    assert "2 scans, 2 patients" in capsys.readouterr().out
    pictures = tmp_path / "pictures"
    assert exit_code(["atlas", "show", str(out), str(out), "-o", str(pictures)]) == 0
    assert sorted(path.name for path in pictures.iterdir()) == [
        "figure-2-distance.png", "figure-3-prior.png", "figure-5-sets.png", "figure-6-making.png",
    ]  # fmt: skip
    assert exit_code(["atlas", "show", str(out), "--scan", str(folder / "images" / "p1.nii.gz")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["atlas", "pictures"]


def test_a_fold_leaves_its_patients_out(folder, quick, tmp_path, monkeypatch):
    from nodewise.cli import atlas as command
    from nodewise.datasets.folds import folds

    monkeypatch.setattr(command, "FOLDS", 3)
    taken = command._cases(folder, 1, 0, ())
    held = folds(read_dataset(folder).cases, 3, 0)[1].held_out
    assert len(taken) == 2 and not {c.patient for c in taken} & {c.patient for c in held}
    with pytest.raises(BadInputError, match="every patient"):
        command._cases(folder, None, 0, list(MOVES))


def test_organs_are_named_by_the_data_set_or_by_the_truth_beside_them(folder):
    case = replace(read_dataset(folder).cases[0], organ_names=None)
    assert organ_names(case) == NAMED
    assert organ_names(replace(case, organ_names={"aorta": 3})) == {3: "aorta"}
    assert organ_names(replace(case, organs=None)) is None
