"""A data set prepared: what is kept and how, what is left out and why, begun again, and nothing half-written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from nodewise.datasets.case import Dataset
from nodewise.datasets.lnq2023 import lnq2023_dataset
from nodewise.datasets.named import read_named
from nodewise.datasets.names import DatasetName
from nodewise.datasets.nih import nih_dataset
from nodewise.datasets.prepare.check import Rules
from nodewise.datasets.prepare.run import patients_with_several, prepare
from nodewise.datasets.read import find_cases, load_case, read_dataset
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Side, Station


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def plain(trees, root: Path, *names: str) -> Path:
    for name in names:
        trees.nifti(root / "images" / f"{name}.nii.gz", trees.hu(sum(map(ord, name))))
        trees.nifti(root / "labels" / f"{name}.nii.gz", trees.drawn())
    return root


def checks(data: Dataset, out: Path, rules: Rules = Rules()) -> dict[str, str]:  # noqa: B008 - frozen
    return {one.name: one.check for one in prepare(data, out, rules).left_out}


def test_what_is_written_is_read_again_voxel_for_voxel(trees, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared = prepare(lnq2023_dataset(trees.lnq(tmp_path / "in")), out)
    assert [record.name for record in prepared.kept] == ["lnq2023-train-0001", "lnq2023-val-0002"]
    data = read_dataset(out)
    assert data.layout == "pairs" and data.about is not None and data.about.licence == "CC BY 4.0"
    assert [case.annotation for case in data.cases] == ["partial", "full"]
    image = nibabel.load(out / "images" / "lnq2023-train-0001.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), trees.hu(len("train/lnq2023-train-0001")))
    assert np.allclose(image.affine, np.diag([-1.0, -1.0, 1.0, 1.0]) @ trees.GRID.affine)
    assert np.array_equal(load_case(data.cases[0]).nodes.array, trees.drawn())
    (lost,) = rows(out / "left_out.csv")
    assert (lost["name"], lost["check"]) == ("lnq2023-train-0003", "files")
    assert [row["nodes"] for row in rows(out / "checked.csv")] == ["1", "1"]
    assert not list(tmp_path.glob(".*"))


def test_every_check_leaves_its_case_out_with_the_reason(trees, tmp_path: Path) -> None:
    root = plain(trees, tmp_path / "in", "air", "bright", "empty", "good", "grid", "twin")
    trees.nifti(
        root / "labels" / "air.nii.gz", np.roll(trees.drawn(), 10, axis=0) * (trees.hu() < -500).astype(np.uint8)
    )
    trees.nifti(root / "images" / "bright.nii.gz", trees.hu() + 1024)
    trees.nifti(root / "labels" / "empty.nii.gz", trees.drawn((0, 0)))
    other = Grid.of(trees.GRID.shape, (1.0, 1.0, 2.3), trees.GRID.origin)
    trees.nifti(root / "labels" / "grid.nii.gz", trees.drawn(), other)
    trees.nifti(root / "images" / "twin.nii.gz", trees.hu(sum(map(ord, "good"))))
    data = read_dataset(root)
    found = checks(data, tmp_path / "out")
    wanted = {"air": "inside", "bright": "scan", "empty": "empty", "grid": "labels", "twin": "duplicate"}
    assert found == wanted
    assert [case.name for case in read_dataset(tmp_path / "out").cases] == ["good"]
    why = {row["name"]: row["why"] for row in rows(tmp_path / "out" / "left_out.csv")}
    assert "air or lung" in why["air"] and "good, voxel for voxel" in why["twin"]
    assert "cannot be Hounsfield units" in why["bright"] and "does not lie on the voxels" in why["grid"]
    assert checks(data, tmp_path / "lax", Rules(resampled=True, keep_empty=True)) == {
        name: check for name, check in wanted.items() if name not in ("grid", "empty")
    }
    warned = {row["name"]: row["warnings"] for row in rows(tmp_path / "lax" / "checked.csv")}
    assert "took the nearest" in warned["grid"] and not warned["good"]


def test_stopped_it_leaves_no_result_and_goes_on_where_it_was(trees, tmp_path: Path) -> None:
    data, out = read_dataset(plain(trees, tmp_path / "in", "a", "b", "c")), tmp_path / "out"

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(data, out, progress=stop)
    assert not out.exists()
    made = {path.name: path.stat().st_mtime_ns for path in (tmp_path / ".out.preparing" / "images").iterdir()}
    assert len(made) == 2
    seen: list[tuple[int, int]] = []
    prepare(data, out, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]
    again = {path.name: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    assert len(again) == 3 and made.items() <= again.items()


def test_an_earlier_result_is_brought_up_to_date(trees, tmp_path: Path) -> None:
    root, out = plain(trees, tmp_path / "in", "a", "b", "c"), tmp_path / "out"
    prepare(read_dataset(root), out)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    trees.nifti(root / "labels" / "b.nii.gz", trees.drawn((1, 2)))
    for path in (root / "images" / "c.nii.gz", root / "labels" / "c.nii.gz"):
        path.unlink()
    prepare(read_dataset(root), out)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "images").iterdir()}
    assert set(after) == {"a.nii.gz", "b.nii.gz"} and after["a.nii.gz"] == before["a.nii.gz"]
    assert after["b.nii.gz"] != before["b.nii.gz"] and not (out / "checked" / "c").exists()
    assert np.array_equal(load_case(read_dataset(out).cases[1]).nodes.array, trees.drawn((1, 2)))


def test_a_folder_of_something_else_is_left_alone(trees, tmp_path: Path) -> None:
    data, out = read_dataset(plain(trees, tmp_path / "in", "a")), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BadInputError, match="did not write"):
        prepare(data, out)
    with pytest.raises(BadInputError, match="own folder"):
        prepare(data, tmp_path / "in" / "out")
    assert [path.name for path in out.iterdir()] == ["thesis.txt"] and not list(tmp_path.glob(".*"))


def test_where_no_case_passes_nothing_is_written(trees, tmp_path: Path) -> None:
    root = plain(trees, tmp_path / "in", "a")
    trees.nifti(root / "labels" / "a.nii.gz", trees.drawn((0, 0)))
    prepared = prepare(read_dataset(root), tmp_path / "out")
    assert not prepared.kept and [one.check for one in prepared.left_out] == ["empty"]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_names_of_a_users_own_files_stay_out_of_names_and_messages(trees, tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name, patient in (("Meier-Anna-2021", "4711"), ("Meier-Anna-2022", "4711"), ("Schulz-Bert", "4712")):
        trees.dicom(root / name / "ct", trees.hu(len(name) + int(name[-1] == "2")), patient)
        trees.nifti(root / name / "nodes.nii.gz", trees.drawn())
    trees.nifti(
        root / "Schulz-Bert" / "nodes.nii.gz",
        trees.drawn(),
        Grid.of(trees.GRID.shape, (1.0, 1.0, 3.0), trees.GRID.origin),
    )
    prepared = prepare(read_named(DatasetName.folder, root), tmp_path / "out", own=True)
    assert [record.name for record in prepared.kept] == ["case-0001", "case-0002"]
    data = read_dataset(tmp_path / "out")
    assert data.patients == ("patient-0001",) and len(data.cases) == 2
    (lost,) = prepared.left_out
    assert lost.name == "case-0003" and lost.why.startswith("the labels (14×12×8") and "nodes.nii" not in lost.why
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(word in str(path) for path in written for word in ("Meier", "Schulz", "Anna", "4711"))
    told = [path.name for path in written if path.suffix != ".gz" and b"Meier" in path.read_bytes()]
    assert told == ["sources.csv"]  # the key, which says so in its documentation


def test_a_mask_that_is_missing_costs_its_case_alone(trees, tmp_path: Path) -> None:
    root = plain(trees, tmp_path / "pairs", "a", "b")
    (root / "labels" / "a.nii.gz").unlink()
    for name in ("anna", "bert"):
        trees.dicom(tmp_path / "dicom" / name / "ct", trees.hu(len(name) + ord(name[0])), name)
    trees.nifti(tmp_path / "dicom" / "bert" / "nodes.nii.gz", trees.drawn())
    for place in ("pairs", "dicom"):
        data = read_named(DatasetName.folder, tmp_path / place)
        prepared = prepare(data, tmp_path / f"out-{place}", own=True)
        assert [record.name for record in prepared.kept] == ["case-0002"]
        (lost,) = rows(tmp_path / f"out-{place}" / "left_out.csv")
        assert (lost["name"], lost["check"], lost["source"]) == ("case-0001", "files", data.left_out[0].name)
        with pytest.raises(BadInputError, match=r"has no (label|mask)"):
            read_dataset(tmp_path / place)


def test_stations_of_nodes_and_organs_come_along(trees, tmp_path: Path) -> None:
    prepare(read_named(DatasetName.lynos, trees.lynos(tmp_path / "in")), tmp_path / "out")
    first, second = read_dataset(tmp_path / "out").cases
    assert first.node_stations == {1: (Station.S4R, Station.S2R), 2: (Station.S3P,)} and second.node_stations is None
    loaded = load_case(first)
    assert first.organ_names is not None and loaded.organs is not None
    assert np.all(loaded.organs.array[trees.NODE] == first.organ_names["azygos_vein"])


def test_a_table_of_stations_for_other_labels_is_noticed(trees, tmp_path: Path) -> None:
    trees.lynos(tmp_path / "in")
    trees.nifti(tmp_path / "in/Benchmark/Pat1/pat1_labels_LymphNodes.nii.gz", trees.drawn((1, 1)))
    found = checks(read_named(DatasetName.lynos, tmp_path / "in"), tmp_path / "out")
    assert found == {"lynos-01": "stations", "lynos-03": "files"}


def test_organs_alone_are_kept_without_labels_of_nodes(trees, tmp_path: Path) -> None:
    prepare(read_named(DatasetName.totalsegmentator, trees.total(tmp_path / "in")), tmp_path / "out")
    assert not list((tmp_path / "out" / "labels").iterdir())
    data = read_dataset(tmp_path / "out")
    assert [case.annotation for case in data.cases] == ["none", "none"] and data.cases[0].organ_names == {
        "aorta": 1,
        "heart": 2,
    }
    loaded = load_case(data.cases[0])
    assert loaded.organs is not None and np.array_equal(loaded.organs.array, trees.drawn((1, 2)))
    assert loaded.ignore is not None and loaded.ignore.array.all()


def test_where_nothing_is_known_comes_along(trees, tmp_path: Path) -> None:
    root = tmp_path / "in"
    trees.nifti(root / "imagesTr" / "a_0000.nii.gz", trees.hu())
    trees.nifti(root / "labelsTr" / "a.nii.gz", trees.drawn((1, 2)))
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "lymph_node": 1, "ignore": 2}}
    (root / "dataset.json").write_text(json.dumps(told), encoding="utf-8")
    prepare(read_named(DatasetName.nnunet, root), tmp_path / "out", own=True)
    loaded = load_case(read_dataset(tmp_path / "out").cases[0])
    assert np.array_equal(loaded.nodes.array, trees.drawn((1, 0)))
    assert loaded.ignore is not None and np.array_equal(loaded.ignore.array, trees.drawn((0, 1)) > 0)


def test_what_tables_and_maps_say_comes_along(trees, tmp_path: Path) -> None:
    root = plain(trees, tmp_path / "in", "a", "b")
    trees.nifti(root / "stations" / "a.nii.gz", trees.drawn((Station.S7.label, 0)))
    lines = "name,patient,primary_side,annotation,4R,9\na,p,left,partial,malignant,benign\nb,p,,,n/a,\n"
    (root / "cases.csv").write_text(lines, encoding="utf-8")
    prepared = prepare(read_named(DatasetName.folder, root), tmp_path / "out", own=True)
    first, second = read_dataset(tmp_path / "out").cases
    assert first.patient == second.patient == "patient-0001" and patients_with_several(prepared) == {"patient-0001": 2}
    assert (first.primary, first.annotation, second.annotation) == (Side.LEFT, "partial", "full")
    assert first.histology == {"4R": True, "9": False} and second.histology is None
    stations = load_case(first).stations
    assert stations is not None and np.all(stations.array[trees.NODE] == Station.S7.label)


def test_phantoms_keep_their_stations_and_the_names_of_their_organs(written_patient: Path, tmp_path: Path) -> None:
    (case,) = find_cases(written_patient).cases
    prepare(find_cases(written_patient), tmp_path / "out")
    (read,) = read_dataset(tmp_path / "out").cases
    assert read.name == case.name and read.histology == case.histology and read.organ_names == case.organ_names
    before, after = load_case(case), load_case(read)
    for one, other in ((before.nodes, after.nodes), (before.stations, after.stations), (before.organs, after.organs)):
        assert one is not None and other is not None and np.array_equal(one.array, other.array)
    assert np.array_equal(before.study.ct.array, after.study.ct.array)


def test_a_placeless_mask_is_told_of(trees, tmp_path: Path) -> None:
    prepare(nih_dataset(trees.nih(tmp_path / "in")), tmp_path / "out")
    warned = {row["name"]: row["warnings"] for row in rows(tmp_path / "out" / "checked.csv")}
    assert "laid on its voxels" in warned["MED_LYMPH_002"] and not warned["MED_LYMPH_001"]
    kinds = {row["name"]: row["annotation"] for row in rows(tmp_path / "out" / "cases.csv")}
    assert kinds["MED_LYMPH_005"] == "full" and kinds["MED_LYMPH_006"] == "partial"
    known = next(row for row in rows(tmp_path / "out" / "left_out.csv") if row["name"] == "MED_LYMPH_043")
    assert known["check"] == "known" and "not whole" in known["why"]


@pytest.mark.parametrize("name", list(DatasetName))
def test_another_tree_is_refused_in_one_line(tmp_path: Path, name: DatasetName) -> None:
    (tmp_path / "in" / "photos").mkdir(parents=True)
    with pytest.raises(BadInputError, match=r"is not|is no data set") as caught:
        read_named(name, tmp_path / "in")
    assert "\n" not in str(caught.value)


def test_a_list_keeps_its_licence_and_its_patients(trees, tmp_path: Path) -> None:
    prepare(read_named(DatasetName.folder, trees.listed(tmp_path / "in")), tmp_path / "out", own=True)
    data = read_dataset(tmp_path / "out")
    assert data.about is not None and data.about.licence == "CC0"
    assert [(case.name, case.patient, case.annotation) for case in data.cases] == [
        ("case-0001", "patient-0001", "full"),
        ("case-0002", "patient-0002", "partial"),
    ]


def test_the_files_do_not_depend_on_the_number_of_processes(trees, tmp_path: Path) -> None:
    root = tmp_path / "in"
    for number in (1, 2):
        trees.nrrd(root / "train" / f"lnq2023-train-000{number}-ct.nrrd", trees.hu(number))
        trees.nrrd(root / "train" / f"lnq2023-train-000{number}-seg.nrrd", trees.drawn())
    one = prepare(lnq2023_dataset(root), tmp_path / "one")
    two = prepare(lnq2023_dataset(root), tmp_path / "two", jobs=2)
    assert one.kept == two.kept and len(one.kept) == 2
    for path in sorted((tmp_path / "one").rglob("*.nii.gz")):
        same = nibabel.load(tmp_path / "two" / path.relative_to(tmp_path / "one"))
        assert np.array_equal(np.asarray(nibabel.load(path).dataobj), np.asarray(same.dataobj))
